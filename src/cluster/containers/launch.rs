//! The container of each node: its image, its command, what it shares with this machine.
//!
//! The start command is squall's own, on the jars of the image: so the official images and others of the same layout work alike. `exec`
//! makes the JVM the first process, which signals hit.

use std::path::Path;
use std::time::Duration;

use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::engine::{CLUSTER, Container, Engine, ID, IN_PLACE_OF, NODE, ROLE, role_label};
use super::error::Error;
use super::record::{LINKS, Record};
use crate::action::Role;
use crate::cluster::local::flink::MODULES;
use crate::cluster::local::launch::JVM;
use crate::cluster::local::memory::{self, Memory};
use crate::cluster::local::up::kafka_cluster_id;

/// Where the cluster's folder is in every container.
pub(super) const SHARED: &str = "/squall";
/// Where a broker keeps its topics: in its container, so that they go with it.
const LOG_DIRS: &str = "/tmp/squall-kafka";
/// How long the engine may take to start a container.
const START_WITHIN: Duration = Duration::from_secs(120);

/// A container to be.
#[derive(Debug, Clone)]
pub(super) struct Launch<'a> {
    record: &'a Record,
    role: Role,
    node: String,
    image: &'a str,
    memory: u64,
    /// Shell script.
    script: String,
    /// Port of this machine and port in the container.
    ports: Vec<(u16, u16)>,
    in_place_of: Option<String>,
}

/// Listeners of the broker, by what they are for; the port is that in the container.
pub(super) fn listeners() -> Vec<(&'static str, u16)> {
    let links = LINKS.into_iter().zip(9095..);
    [("inter", 9092), ("direct", 9094)].into_iter().chain(links).collect()
}

impl<'a> Launch<'a> {
    /// The broker. Its folder is made when it is first started.
    pub fn broker(record: &'a Record) -> Self {
        let kafka = &record.containers.kafka;
        let java = format!("java {} -Xms256m -Xmx256m {} -cp {}/*", JVM.join(" "), logging("broker-1"), kafka.jars);
        let script = format!(
            "set -f; J='{java}'; P={SHARED}/conf/broker-1.properties\n\
             [ -e {LOG_DIRS}/meta.properties ] || $J kafka.tools.StorageTool format --cluster-id={} --config $P || exit\n\
             exec $J kafka.Kafka $P",
            kafka_cluster_id(&record.id)
        );
        let published = |name: &str| match name {
            "inter" => None,
            "direct" => Some(record.ports.direct),
            link => record.ports.links.get(link).map(|ends| ends.broker),
        };
        let ports = listeners().into_iter().filter_map(|(name, port)| Some((published(name)?, port))).collect();
        Self {
            record,
            role: Role::Broker,
            node: "broker-1".to_owned(),
            image: &kafka.image,
            memory: kafka.memory.0,
            script,
            ports,
            in_place_of: None,
        }
    }

    /// The JobManager.
    pub fn jobmanager(record: &'a Record) -> Self {
        let heap = memory::jobmanager_heap(&record.containers.flink.config);
        let flags = format!("-Xms{heap} -Xmx{heap} -XX:MaxMetaspaceSize=256m");
        let main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
        let arguments = format!("--configDir {SHARED}/conf -D rest.bind-address=0.0.0.0 -D jobmanager.bind-host=0.0.0.0");
        Self::flink(record, Role::Jobmanager, "jm-1", &flags, main, &arguments, vec![(record.ports.rest, 8081)])
    }

    /// The TaskManager of this name, which is its id in Flink's REST too.
    pub fn taskmanager(record: &'a Record, name: &str) -> Self {
        let flink = &record.containers.flink;
        let memory = Memory::resolve(&flink.config);
        let own = [
            ("taskmanager.resource-id", name.to_owned()),
            ("taskmanager.cpu.cores", format!("{}.0", flink.slots)),
            ("external-resources", "none".to_owned()),
            ("taskmanager.bind-host", "0.0.0.0".to_owned()),
        ];
        let settings = own.into_iter().chain(memory.settings()).map(|(key, value)| format!(" -D {key}={value}"));
        let arguments = format!("--configDir {SHARED}/conf{}", settings.collect::<String>());
        let main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
        Self::flink(record, Role::Taskmanager, name, &memory.jvm_flags().join(" "), main, &arguments, Vec::new())
    }

    /// The SQL gateway.
    pub fn gateway(record: &'a Record) -> Self {
        let main = "org.apache.flink.table.gateway.SqlGateway";
        Self::flink(record, Role::Gateway, "gateway", "-Xmx256m", main, "", vec![(record.ports.gateway, 8083)])
    }

    fn flink(record: &'a Record, role: Role, node: &str, flags: &str, main: &str, arguments: &str, ports: Vec<(u16, u16)>) -> Self {
        let flink = &record.containers.flink;
        let home = &flink.home;
        // The gateway's jar is in `opt` of a distribution, in `lib` elsewhere.
        let script = format!(
            "C='{home}/lib/*:{SHARED}/lib/*'; for j in {home}/opt/flink-sql-gateway-*.jar; do [ -e \"$j\" ] && C=\"$C:$j\"; done\n\
             exec java {} {flags} {} {} -cp \"$C\" {main} {arguments}",
            JVM.join(" "),
            logging(node),
            MODULES.join(" ")
        );
        Self { record, role, node: node.to_owned(), image: &flink.image, memory: flink.memory.0, script, ports, in_place_of: None }
    }

    /// The same, in the place of a dead container.
    pub fn in_place_of(self, id: &str) -> Self {
        Self { in_place_of: Some(id.to_owned()), ..self }
    }

    fn request(&self) -> ContainerRequest<GenericImage> {
        let (image, tag) = name_and_tag(self.image);
        let memory = i64::try_from(self.memory).unwrap_or(i64::MAX);
        let mut request = GenericImage::new(image, tag)
            .with_entrypoint("sh")
            .with_container_name(self.record.container(&self.node))
            .with_hostname(&self.node)
            .with_network(self.record.network())
            .with_user(user())
            .with_label(CLUSTER, self.record.spec.name.as_str())
            .with_label(ID, &self.record.id)
            .with_label(ROLE, role_label(self.role))
            .with_label(NODE, &self.node)
            .with_env_var("FLINK_CONF_DIR", format!("{SHARED}/conf"))
            .with_mount(Mount::bind_mount(self.record.folder.display().to_string(), SHARED))
            .with_startup_timeout(START_WITHIN)
            .with_host_config_modifier(move |host| {
                if let Some(bindings) = host.port_bindings.as_mut() {
                    for binding in bindings.values_mut().flatten().flatten() {
                        binding.host_ip = Some("127.0.0.1".to_owned());
                    }
                }
                // Images expose ports of their own; only squall's are published.
                host.publish_all_ports = Some(false);
                host.memory = Some(memory);
                host.memory_swap = Some(memory);
                // A name that is gone is asked for outside, and must not be waited for.
                host.dns_options = Some(vec!["timeout:1".to_owned(), "attempts:1".to_owned()]);
            })
            .with_cmd(["-c", self.script.as_str()]);
        if let Some(id) = &self.in_place_of {
            request = request.with_label(IN_PLACE_OF, id);
        }
        for (here, there) in &self.ports {
            request = request.with_mapped_port(*here, there.tcp());
        }
        request
    }

    /// Makes and starts the container, which from then on lives until the cluster goes.
    pub async fn start(&self, engine: &Engine) -> Result<Container, Error> {
        let name = self.record.container(&self.node);
        let started = self.request().start().await.map_err(|source| Error::Start { name: name.clone(), source })?;
        let id = started.id().to_owned();
        // It would be removed with this object.
        std::mem::forget(started);
        engine.container(&id).await?.ok_or_else(|| Error::DiedAtStart { name, tail: "(it is gone)".to_owned() })
    }
}

/// `flink` and `2.3.0` of `flink:2.3.0`; a registry's port is no tag.
fn name_and_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The user in the containers: this one, so that the shared folder's files are this user's.
fn user() -> String {
    format!("{}:{}", nix::unistd::geteuid(), nix::unistd::getegid())
}

fn logging(node: &str) -> String {
    format!("-Dlog4j2.configurationFile={SHARED}/conf/log4j.properties -Dsquall.log={SHARED}/logs/{node}.log")
}

/// The settings of the broker.
pub(super) fn broker_settings(record: &Record, gateway: &str) -> std::collections::BTreeMap<String, String> {
    let mut settings = crate::cluster::local::kafka::common_settings(1, &record.containers.kafka.config);
    let (mut listen, mut advertised, mut protocols) = (vec!["CONTROLLER://127.0.0.1:9093".to_owned()], Vec::new(), Vec::new());
    protocols.push("CONTROLLER:PLAINTEXT".to_owned());
    for (name, port) in listeners() {
        let listener = name.to_uppercase();
        let address = match (name, record.ports.links.get(name)) {
            ("inter", _) => format!("broker-1:{port}"),
            // squall is on this machine, the job is not.
            ("generator", Some(ends)) => format!("127.0.0.1:{}", ends.proxy),
            (_, Some(ends)) => format!("{gateway}:{}", ends.proxy),
            (_, None) => format!("127.0.0.1:{}", record.ports.direct),
        };
        listen.push(format!("{listener}://0.0.0.0:{port}"));
        advertised.push(format!("{listener}://{address}"));
        protocols.push(format!("{listener}:PLAINTEXT"));
    }
    for (key, value) in [
        ("node.id", "1".to_owned()),
        ("inter.broker.listener.name", "INTER".to_owned()),
        ("listeners", listen.join(",")),
        ("advertised.listeners", advertised.join(",")),
        ("listener.security.protocol.map", protocols.join(",")),
        ("controller.quorum.voters", "1@127.0.0.1:9093".to_owned()),
        ("log.dirs", LOG_DIRS.to_owned()),
    ] {
        settings.insert(key.to_owned(), value);
    }
    settings
}

/// The settings of all of Flink's processes.
pub(super) fn flink_settings(record: &Record) -> std::collections::BTreeMap<String, String> {
    let flink = &record.containers.flink;
    let mut settings = crate::cluster::local::flink::usual(SHARED, &flink.config);
    for (key, value) in [
        ("jobmanager.rpc.address", "jm-1".to_owned()),
        ("jobmanager.rpc.port", "6123".to_owned()),
        ("rest.address", "jm-1".to_owned()),
        ("rest.port", "8081".to_owned()),
        ("taskmanager.numberOfTaskSlots", flink.slots.to_string()),
        ("sql-gateway.endpoint.rest.address", "gateway".to_owned()),
        ("sql-gateway.endpoint.rest.bind-address", "0.0.0.0".to_owned()),
        ("sql-gateway.endpoint.rest.port", "8083".to_owned()),
        ("io.tmp.dirs", "/tmp".to_owned()),
    ] {
        settings.insert(key.to_owned(), value);
    }
    settings
}

/// A connector's jar, where it is shared with the containers.
pub(super) fn connector_place(folder: &Path, jar: &Path) -> Option<std::path::PathBuf> {
    Some(folder.join("lib").join(jar.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_a_name_and_a_tag() {
        assert_eq!(name_and_tag("flink:2.3.0"), ("flink", "2.3.0"));
        assert_eq!(name_and_tag("registry:5000/apache/kafka:4.3.1"), ("registry:5000/apache/kafka", "4.3.1"));
        assert_eq!(name_and_tag("registry:5000/flink"), ("registry:5000/flink", "latest"));
    }
}
