//! The jars of Kafka and Flink: installed ones, or fetched once by Maven into the cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::error::{Doing, Error};
use super::versions;
use crate::cluster::Progress;
use crate::cluster::places::Places;

/// The jars of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Jars {
    /// The product's version.
    pub version: String,
    /// The class path, spelled out in one order: class-data archives are good for that very text only.
    pub class_path: String,
    /// Changes when any jar changes.
    pub key: String,
}

/// Kafka's jars, of the version asked for.
pub(super) async fn kafka(asked: Option<&str>, places: &Places, progress: &Progress<'_>) -> Result<Jars, Error> {
    if let Some(home) = &places.kafka_home {
        let jars = list(&home.join("libs"))?;
        let version = product_version(&jars, "kafka_2.13-").or_else(|| product_version(&jars, "kafka_2.12-"));
        let version = check_home(version, asked, "Kafka", "KAFKA_HOME", "libs/kafka_2.13-*.jar", home)?;
        return describe(version, &jars);
    }
    let version = asked.unwrap_or(versions::KAFKA);
    let pom = versions::kafka_pom(version).ok_or_else(|| Error::UnknownVersion {
        product: "Kafka",
        version: version.to_owned(),
        known: versions::kafka_versions().collect::<Vec<_>>().join(", "),
        variable: "KAFKA_HOME",
    })?;
    describe(version.to_owned(), &fetched(&format!("kafka-{version}"), &pom, places, progress).await?)
}

/// Flink's jars with SQL gateway and Kafka connector, of the version asked for.
pub(super) async fn flink(asked: Option<&str>, places: &Places, progress: &Progress<'_>) -> Result<Jars, Error> {
    let unknown = |version: &str| Error::UnknownVersion {
        product: "Flink",
        version: version.to_owned(),
        known: versions::flink_versions().collect::<Vec<_>>().join(", "),
        variable: "FLINK_HOME",
    };
    if let Some(home) = &places.flink_home {
        let mut jars = list(&home.join("lib"))?;
        let version = check_home(product_version(&jars, "flink-dist-"), asked, "Flink", "FLINK_HOME", "lib/flink-dist-*.jar", home)?;
        jars.extend(list(&home.join("opt"))?.into_iter().filter(|jar| file_name(jar).starts_with("flink-sql-gateway-")));
        let is_connector =
            |jar: &PathBuf| ["flink-sql-connector-kafka", "flink-connector-kafka"].iter().any(|name| file_name(jar).starts_with(name));
        if !jars.iter().any(is_connector) {
            let pom = versions::connector_pom(&version).ok_or_else(|| unknown(&version))?;
            let connector = fetched(&format!("connector-{version}"), &pom, places, progress).await?;
            // The connector's other dependencies are in the distribution already, in its own versions.
            jars.extend(connector.into_iter().filter(|jar| is_connector(jar) || file_name(jar).starts_with("kafka-clients")));
        }
        return describe(version, &jars);
    }
    let version = asked.unwrap_or(versions::FLINK);
    let pom = versions::flink_pom(version).ok_or_else(|| unknown(version))?;
    describe(version.to_owned(), &fetched(&format!("flink-{version}"), &pom, places, progress).await?)
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The jars of a folder, in the order of their names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).doing(|| format!("no jars in `{}`", folder.display()))?;
    let mut jars: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some_and(|e| e == "jar")).collect();
    jars.sort();
    Ok(jars)
}

/// `2.3.0` from `flink-dist-2.3.0.jar`.
fn product_version(jars: &[PathBuf], prefix: &str) -> Option<String> {
    jars.iter().find_map(|jar| {
        let version = file_name(jar).strip_prefix(prefix)?.strip_suffix(".jar")?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
    })
}

fn check_home(
    found: Option<String>,
    asked: Option<&str>,
    product: &'static str,
    variable: &'static str,
    jar: &'static str,
    folder: &Path,
) -> Result<String, Error> {
    let found = found.ok_or_else(|| Error::NoProduct { product, variable, jar, folder: folder.to_owned() })?;
    match asked {
        Some(asked) if asked != found => Err(Error::OtherVersion { product, variable, asked: asked.to_owned(), found }),
        _ => Ok(found),
    }
}

fn describe(version: String, jars: &[PathBuf]) -> Result<Jars, Error> {
    let mut hash = Sha256::new();
    for jar in jars {
        let facts = fs::metadata(jar).doing(|| format!("cannot read `{}`", jar.display()))?;
        let modified = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos());
        hash.update(format!("{} {} {modified}\n", jar.display(), facts.len()));
    }
    let class_path = jars.iter().map(|jar| jar.display().to_string()).collect::<Vec<_>>().join(":");
    Ok(Jars { version, class_path, key: short(&hash.finalize()) })
}

fn short(hash: &[u8]) -> String {
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What a finished download holds; written last, so that its presence means that all is there.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    pom_sha256: String,
    jars: Vec<(String, u64)>,
}

const MANIFEST: &str = "manifest.json";

/// The jars of a pom, from the cache or from Maven. Several squalls may fetch at once: the first to finish wins.
async fn fetched(what: &str, pom: &str, places: &Places, progress: &Progress<'_>) -> Result<Vec<PathBuf>, Error> {
    let digest = Sha256::digest(pom);
    let cache = places.cache.join("jars");
    let folder = cache.join(format!("{what}-{}", short(&digest)));
    let pom_sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if is_whole(&folder, &pom_sha256) {
        return list(&folder.join("lib"));
    }
    progress(&format!("fetching {what} with Maven, once"));
    fs::create_dir_all(&cache).doing(|| format!("cannot make `{}`", cache.display()))?;
    let work =
        tempfile::Builder::new().prefix(".fetching-").tempdir_in(&cache).doing(|| format!("cannot write to `{}`", cache.display()))?;
    let lib = work.path().join("lib");
    let pom_file = work.path().join("pom.xml");
    fs::write(&pom_file, pom).doing(|| format!("cannot write `{}`", pom_file.display()))?;
    maven(what, &pom_file, &lib, places).await?;
    let jars = list(&lib)?;
    let sizes = jars.iter().map(|jar| Ok((file_name(jar).to_owned(), fs::metadata(jar)?.len())));
    let jars = sizes.collect::<io::Result<Vec<_>>>().doing(|| format!("cannot read `{}`", lib.display()))?;
    let manifest = serde_json::to_vec_pretty(&Manifest { pom_sha256: pom_sha256.clone(), jars }).map_err(io::Error::from);
    manifest
        .and_then(|text| fs::write(work.path().join(MANIFEST), text))
        .doing(|| format!("cannot write to `{}`", work.path().display()))?;
    if folder.exists() && !is_whole(&folder, &pom_sha256) {
        fs::remove_dir_all(&folder).doing(|| format!("cannot replace the damaged `{}`", folder.display()))?;
    }
    match fs::rename(work.path(), &folder) {
        Ok(()) => drop(work.keep()),
        Err(_) if is_whole(&folder, &pom_sha256) => {}
        Err(error) => return Err(error).doing(|| format!("cannot make `{}`", folder.display())),
    }
    list(&folder.join("lib"))
}

fn is_whole(folder: &Path, pom_sha256: &str) -> bool {
    let manifest = fs::read(folder.join(MANIFEST)).ok().and_then(|text| serde_json::from_slice::<Manifest>(&text).ok());
    manifest.is_some_and(|manifest| {
        let whole = |(name, size): &(String, u64)| fs::metadata(folder.join("lib").join(name)).is_ok_and(|facts| facts.len() == *size);
        manifest.pom_sha256 == pom_sha256 && !manifest.jars.is_empty() && manifest.jars.iter().all(whole)
    })
}

async fn maven(what: &str, pom: &Path, lib: &Path, places: &Places) -> Result<(), Error> {
    let mut command = Command::new("mvn");
    command.arg("--quiet").arg("--batch-mode").arg("--strict-checksums").arg("-f").arg(pom).arg(versions::COPY_DEPENDENCIES);
    command.arg(format!("-DoutputDirectory={}", lib.display())).arg("-DincludeScope=runtime").kill_on_drop(true);
    if let Some(java_home) = &places.java_home {
        command.env("JAVA_HOME", java_home);
    }
    let output = match command.output().await {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::NoMaven { what: what.to_owned() }),
        Err(source) => return Err(Error::Spawn { program: "mvn".into(), source }),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    Err(Error::Fetch { what: what.to_owned(), said: lines[lines.len().saturating_sub(15)..].join("\n") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn places(kafka_home: Option<PathBuf>, flink_home: Option<PathBuf>, cache: &Path) -> Places {
        Places { state: cache.into(), cache: cache.into(), squall: "squall".into(), java_home: None, kafka_home, flink_home }
    }

    fn home(jars: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for jar in jars {
            let path = home.path().join(jar);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, jar).unwrap();
        }
        home
    }

    #[tokio::test]
    async fn an_installed_kafka_is_taken_as_it_is() {
        let home = home(&["libs/kafka_2.13-4.1.0.jar", "libs/kafka-clients-4.1.0.jar", "libs/kafka_2.13-4.1.0.jar.asc"]);
        let places = places(Some(home.path().into()), None, home.path());
        let jars = kafka(None, &places, &|_| {}).await.unwrap();
        assert_eq!(jars.version, "4.1.0");
        assert_eq!(jars.class_path.split(':').count(), 2);
        let error = kafka(Some("4.3.1"), &places, &|_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "the cluster file asks for Kafka 4.3.1, but KAFKA_HOME holds 4.1.0");
    }

    #[tokio::test]
    async fn an_installed_flink_gives_its_gateway_and_its_connector() {
        let home = home(&[
            "lib/flink-dist-2.3.0.jar",
            "lib/flink-sql-connector-kafka-5.0.0-2.2.jar",
            "opt/flink-sql-gateway-2.3.0.jar",
            "opt/flink-python-2.3.0.jar",
        ]);
        let jars = flink(None, &places(None, Some(home.path().into()), home.path()), &|_| {}).await.unwrap();
        assert_eq!((jars.version.as_str(), jars.class_path.split(':').count()), ("2.3.0", 3));
        assert!(!jars.class_path.contains("python"));
    }

    #[tokio::test]
    async fn unknown_versions_and_empty_homes_say_what_to_do() {
        let folder = home(&["lib/readme.jar"]);
        let error = flink(Some("1.19.0"), &places(None, None, folder.path()), &|_| {}).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Flink 1.19.0 is not among the versions that squall can fetch (2.3.0, 2.2.0, 1.20.3); for another one set FLINK_HOME"
        );
        let error = flink(None, &places(None, Some(folder.path().into()), folder.path()), &|_| {}).await.unwrap_err();
        assert!(error.to_string().starts_with("FLINK_HOME holds no Flink: no `lib/flink-dist-*.jar` in"));
    }

    #[test]
    fn a_damaged_download_is_noticed() {
        let folder = home(&["lib/a.jar"]);
        let manifest = Manifest { pom_sha256: "p".into(), jars: vec![("a.jar".into(), 9)] };
        fs::write(folder.path().join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
        assert!(is_whole(folder.path(), "p"));
        assert!(!is_whole(folder.path(), "q"));
        fs::write(folder.path().join("lib/a.jar"), "cut").unwrap();
        assert!(!is_whole(folder.path(), "p"));
    }
}
