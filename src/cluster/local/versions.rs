//! The pinned versions of everything that a local cluster runs: the one place to change them.

use std::fmt::Write;

/// Kafka where the cluster file says nothing.
pub const KAFKA: &str = "4.3.1";
/// Flink where the cluster file says nothing.
pub const FLINK: &str = "2.3.0";
/// The oldest Java that Kafka 4 brokers run on.
pub const JAVA: u32 = 17;
/// The plugin that copies jars; a fixed one asks no registry for the newest.
pub(super) const COPY_DEPENDENCIES: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// A jar by its Maven coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Jar {
    group: &'static str,
    artifact: &'static str,
    version: &'static str,
}

const fn jar(group: &'static str, artifact: &'static str, version: &'static str) -> Jar {
    Jar { group, artifact, version }
}

const FLINK_GROUP: &str = "org.apache.flink";
const LOG4J_GROUP: &str = "org.apache.logging.log4j";

/// Kafka versions with what they need besides. `kafka_2.13` brings slf4j without a binding, so its own log4j's is added.
const KAFKAS: [(&str, Jar); 1] = [(KAFKA, jar(LOG4J_GROUP, "log4j-slf4j-impl", "2.25.4"))];

/// Flink versions with their Kafka connector. There is none for 2.3 yet; that for 2.2 works.
const FLINKS: [(&str, Jar); 3] = [
    (FLINK, jar(FLINK_GROUP, "flink-sql-connector-kafka", "5.0.0-2.2")),
    ("2.2.0", jar(FLINK_GROUP, "flink-sql-connector-kafka", "5.0.0-2.2")),
    ("1.20.3", jar(FLINK_GROUP, "flink-connector-kafka", "3.4.0-1.20")),
];

/// What a session cluster with a SQL gateway needs, all of Flink's own version.
const FLINK_MODULES: [&str; 13] = [
    "flink-clients",
    "flink-runtime-web",
    "flink-statebackend-rocksdb",
    "flink-connector-files",
    "flink-connector-base",
    "flink-connector-datagen",
    "flink-json",
    "flink-csv",
    "flink-table-api-java-bridge",
    "flink-table-planner-loader",
    "flink-table-runtime",
    "flink-sql-gateway",
    "flink-metrics-prometheus",
];

const FLINK_LOG4J: &str = "2.24.3";

/// The Kafka versions that can be fetched.
pub fn kafka_versions() -> impl Iterator<Item = &'static str> {
    KAFKAS.iter().map(|(version, _)| *version)
}

/// The Flink versions that can be fetched.
pub fn flink_versions() -> impl Iterator<Item = &'static str> {
    FLINKS.iter().map(|(version, _)| *version)
}

/// The pom file of a Kafka version; none when it is not pinned.
pub(super) fn kafka_pom(version: &str) -> Option<String> {
    let (_, binding) = KAFKAS.iter().find(|(known, _)| *known == version)?;
    Some(pom("kafka", [("org.apache.kafka", "kafka_2.13", version), (binding.group, binding.artifact, binding.version)]))
}

/// The pom file of a Flink version; none when it is not pinned.
pub(super) fn flink_pom(version: &str) -> Option<String> {
    let (_, connector) = FLINKS.iter().find(|(known, _)| *known == version)?;
    let modules = FLINK_MODULES.iter().map(|module| (FLINK_GROUP, *module, version));
    let rest = [
        (connector.group, connector.artifact, connector.version),
        (LOG4J_GROUP, "log4j-slf4j-impl", FLINK_LOG4J),
        (LOG4J_GROUP, "log4j-core", FLINK_LOG4J),
    ];
    Some(pom("flink", modules.chain(rest)))
}

/// The pom file of the Kafka connector alone, for a Flink that is installed already: by its minor version, as
/// connectors are released for those.
pub(super) fn connector_pom(flink: &str) -> Option<String> {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    let (_, connector) = FLINKS.iter().find(|(known, _)| minor(known) == minor(flink))?;
    Some(pom("connector", [(connector.group, connector.artifact, connector.version)]))
}

fn pom<'a>(name: &str, jars: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let mut text = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n<modelVersion>4.0.0</modelVersion>\n\
         <groupId>squall</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>\n<dependencies>\n"
    );
    for (group, artifact, version) in jars {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        );
    }
    text.push_str("</dependencies>\n</project>\n");
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pinned_versions_have_a_pom_and_others_do_not() {
        assert!(kafka_versions().all(|version| kafka_pom(version).is_some()));
        assert!(flink_versions().all(|version| flink_pom(version).unwrap().contains(version)));
        assert_eq!(flink_pom("1.19.0"), None);
        assert!(connector_pom("2.2.7").unwrap().contains("5.0.0-2.2"));
        assert_eq!(connector_pom("1.19.0"), None);
    }
}
