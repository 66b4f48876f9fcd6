//! The start: broker and JobManager at the same time, then TaskManagers and gateway, each polled until it is ready.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testcontainers::bollard::models::NetworkCreateRequest;
use testcontainers::bollard::query_parameters::InspectNetworkOptions;

use super::down;
use super::engine::{CLUSTER, Container, Engine, ID, RECORD};
use super::error::{Asking, Error};
use super::launch::{self, Launch};
use super::record::{self, FORMAT, Found, LINKS, Ports, Record};
use super::spec::ContainersSpec;
use super::{Containers, addresses};
use crate::clock::{self, Timestamp};
use crate::cluster::Progress;
use crate::cluster::local::ports::LinkPorts;
use crate::cluster::local::ready::{Ready, START};
use crate::cluster::local::{flink, kafka, ports, up as local};
use crate::cluster::mistake::Mistake;
use crate::cluster::places::{Places, absolute};
use crate::cluster::spec::{ClusterSpec, Restarter};
use crate::proxy::{Config, LinkConfig, Protocol, spawn};

const POLL: Duration = Duration::from_millis(100);

/// What is wrong in the cluster file.
pub(in crate::cluster) fn mistakes(spec: &ClusterSpec, containers: &ContainersSpec) -> Vec<Mistake> {
    let said = &spec.restarted_by;
    let roles = [("taskmanager", said.taskmanager), ("jobmanager", said.jobmanager), ("broker", said.broker), ("gateway", said.gateway)];
    let platform = roles
        .into_iter()
        .filter(|(_, restarter)| *restarter == Some(Restarter::Platform))
        .map(|(role, _)| Mistake::new(&["restarted-by", role], "no platform starts these containers again: write `squall` or `nobody`"));
    let images = [("kafka", &containers.kafka.image), ("flink", &containers.flink.image)];
    let images = images
        .into_iter()
        .filter(|(_, image)| image.contains('@') || image.trim().is_empty())
        .map(|(part, image)| Mistake::new(&["kind", "containers", part, "image"], format!("`{image}` is no image of the form `name:tag`")));
    let config = kafka::mistakes("containers", &containers.kafka.config).into_iter();
    platform.chain(images).chain(config).chain(flink::mistakes("containers", &containers.flink.config)).collect()
}

/// Starts a cluster and waits until all of it is ready.
pub(super) async fn up(
    spec: &ClusterSpec,
    containers: &ContainersSpec,
    places: &Places,
    progress: &Progress<'_>,
) -> Result<Containers, Error> {
    if let Some(mistake) = mistakes(spec, containers).into_iter().next() {
        return Err(Error::Mistake(mistake));
    }
    let engine = Engine::connect().await?;
    if let Some(old) = Found::of(&engine, &spec.name).await? {
        if super::is_whole(&old) {
            return Err(Error::AlreadyUp(spec.name.clone()));
        }
        progress(&format!("clearing what is left of an earlier {}", spec.name));
    }
    // Also what a start left that was cut short before it made the network.
    down::sweep(&engine, &spec.name).await?;
    for image in [&containers.kafka.image, &containers.flink.image] {
        if !engine.has_image(image).await? {
            return Err(Error::NoImage { image: image.clone() });
        }
    }
    let record = plan(spec, containers, places)?;
    let start = Start { engine, record, progress, began: clock::now(), ended: false };
    start.run().await
}

fn plan(spec: &ClusterSpec, containers: &ContainersSpec, places: &Places) -> Result<Record, Error> {
    let id = local::fresh_id();
    let label = format!("{}-{id}", spec.name);
    let folder = match &containers.data {
        Some(data) => absolute(data).join(&label),
        None => absolute(&places.state).join("containers").join(&label),
    };
    // Nobody else's: ports of containers that are away just now are held by their records alone.
    let taken = BTreeSet::new();
    let mut free = ports::free_ports(3 + 2 * LINKS.len(), &taken, local::seed(&id))?.into_iter();
    let mut next = || free.next().unwrap_or_default();
    let (rest, gateway, direct) = (next(), next(), next());
    let links = LINKS.map(|link| (link.to_owned(), LinkPorts { proxy: next(), broker: next() })).into();
    Ok(Record {
        format: FORMAT,
        created: clock::now(),
        spec: spec.clone(),
        containers: containers.clone(),
        squall: absolute(&places.squall),
        control: control_socket(&folder, &label),
        folder,
        ports: Ports { rest, gateway, direct, links },
        id,
    })
}

/// In the folder, or where paths are short: the system allows 107 bytes.
fn control_socket(folder: &Path, label: &str) -> PathBuf {
    let beside = folder.join("proxy.sock");
    if beside.as_os_str().len() <= 100 { beside } else { std::env::temp_dir().join(format!("squall-{label}.sock")) }
}

/// A cluster that is being started. Unless it gets ready, dropping it takes down what there is, also when the future that holds it is
/// dropped by Ctrl-C.
struct Start<'a> {
    engine: Engine,
    record: Record,
    progress: &'a Progress<'a>,
    began: Timestamp,
    ended: bool,
}

impl Start<'_> {
    async fn run(mut self) -> Result<Containers, Error> {
        let started = self.all().await;
        self.ended = true;
        match started {
            Ok(cluster) => {
                let took = clock::now().seconds_since(self.began);
                (self.progress)(&format!("cluster {} is ready, {took:.1} s in all", self.record.spec.name));
                Ok(cluster)
            }
            Err(error) => {
                down::sweep(&self.engine, &self.record.spec.name).await?;
                down::remove_files(&self.record)?;
                Err(error)
            }
        }
    }

    async fn all(&self) -> Result<Containers, Error> {
        let gateway = self.network().await?;
        self.files(&gateway)?;
        self.proxy(&gateway).await?;
        let ready = Ready::new(&addresses(&self.record, &gateway))?;
        let said = |what: &str| (self.progress)(&format!("{what} ready after {:.1} s", clock::now().seconds_since(self.began)));
        let kafka = async {
            let broker = Launch::broker(&self.record).start(&self.engine).await?;
            wait(&self.engine, &[&broker], START, async || ready.brokers(1).await).await?;
            said(&format!("Kafka ({})", self.record.containers.kafka.image));
            Ok(())
        };
        let flink = async {
            let jobmanager = Launch::jobmanager(&self.record).start(&self.engine).await?;
            wait(&self.engine, &[&jobmanager], START, async || ready.jobmanager().await).await?;
            said(&format!("JobManager ({})", self.record.containers.flink.image));
            let gateway = async {
                let gateway = Launch::gateway(&self.record).start(&self.engine).await?;
                wait(&self.engine, &[&gateway], START, async || ready.gateway().await).await?;
                said("SQL gateway");
                Ok(())
            };
            futures::try_join!(self.taskmanagers(&ready), gateway).map(drop)
        };
        futures::try_join!(kafka, flink)?;
        let found = Found::of(&self.engine, &self.record.spec.name).await?.ok_or_else(|| Error::NotUp(self.record.spec.name.clone()))?;
        Containers::of(self.engine.clone(), &found, self.record.spec.clone())
    }

    async fn taskmanagers(&self, ready: &Ready) -> Result<(), Error> {
        let names: Vec<String> = (1..=self.record.containers.flink.taskmanagers.get()).map(|number| format!("tm-{number}")).collect();
        let launches: Vec<Launch<'_>> = names.iter().map(|name| Launch::taskmanager(&self.record, name)).collect();
        let started = futures::future::try_join_all(launches.iter().map(|launch| launch.start(&self.engine))).await?;
        let started: Vec<&Container> = started.iter().collect();
        wait(&self.engine, &started, START, async || ready.taskmanagers(&names).await).await?;
        (self.progress)(&format!("{} TaskManagers ready after {:.1} s", names.len(), clock::now().seconds_since(self.began)));
        Ok(())
    }

    /// Makes the network, which carries the record, and tells its address on this machine.
    async fn network(&self) -> Result<String, Error> {
        let text = serde_json::to_string(&self.record)
            .map_err(|error| Error::BadRecord { name: self.record.spec.name.clone(), reason: error.to_string() })?;
        let labels = HashMap::from([
            (CLUSTER.to_owned(), self.record.spec.name.to_string()),
            (ID.to_owned(), self.record.id.clone()),
            (RECORD.to_owned(), text),
        ]);
        let name = self.record.network();
        let request =
            NetworkCreateRequest { name: name.clone(), driver: Some("bridge".to_owned()), labels: Some(labels), ..Default::default() };
        self.engine.0.create_network(request).await.asking(|| format!("make network {name}"))?;
        let made =
            self.engine.0.inspect_network(&name, None::<InspectNetworkOptions>).await.asking(|| format!("look at network {name}"))?;
        record::gateway(&made).filter(|gateway| gateway.parse::<std::net::IpAddr>().is_ok()).ok_or(Error::NoGateway)
    }

    /// The folder that the containers share.
    fn files(&self, gateway: &str) -> Result<(), Error> {
        let folder = &self.record.folder;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { path, source }
        };
        for name in ["conf", "lib", "logs", "checkpoints", "savepoints"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(failed(&path))?;
        }
        let write = |name: &str, text: String| {
            let path = folder.join("conf").join(name);
            fs::write(&path, text).map_err(failed(&path))
        };
        write("broker-1.properties", kafka::text(&launch::broker_settings(&self.record, gateway)))?;
        write("config.yaml", flink::yaml(&launch::flink_settings(&self.record))?)?;
        write("log4j.properties", format!("{}{LOG_FILE}", kafka::LOG4J))?;
        if let Some(jar) = &self.record.containers.flink.connector
            && let Some(place) = launch::connector_place(folder, jar)
        {
            fs::copy(jar, place).map_err(failed(jar))?;
        }
        Ok(())
    }

    async fn proxy(&self, gateway: &str) -> Result<(), Error> {
        let links = LINKS.into_iter().filter_map(|name| {
            let ends = self.record.ports.links.get(name)?;
            let ip = if name == "generator" { "127.0.0.1" } else { gateway };
            let listen = SocketAddr::new(ip.parse().ok()?, ends.proxy);
            let upstream = format!("127.0.0.1:{}", ends.broker);
            Some(LinkConfig { name: name.to_owned(), listen, upstream, protocol: Protocol::Kafka })
        });
        let config = Config { links: links.collect(), control: self.record.control.clone(), beyond_loopback: true };
        spawn(&self.record.squall, &config, &self.record.folder.join("logs/proxy.log")).await?;
        Ok(())
    }
}

/// Besides its output, each JVM writes a log into the shared folder.
const LOG_FILE: &str = "\
rootLogger.appenderRef.file.ref=FILE
appender.file.type=File
appender.file.name=FILE
appender.file.fileName=${sys:squall.log}
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} %m%n
";

/// Polls until `ready`, or until one of the containers that are needed for it dies, or for too long.
pub(super) async fn wait<F: Future<Output = bool>>(
    engine: &Engine,
    containers: &[&Container],
    patience: Duration,
    ready: impl Fn() -> F,
) -> Result<(), Error> {
    let end = clock::now().plus(patience);
    loop {
        if ready().await {
            return Ok(());
        }
        for container in containers {
            if !engine.container(&container.id).await?.is_some_and(|now| now.running) {
                return Err(Error::DiedAtStart { name: container.node.clone(), tail: engine.tail(&container.id, 15).await });
            }
        }
        if end.remaining().is_zero() {
            let (name, id) = containers.first().map(|first| (first.node.clone(), first.id.clone())).unwrap_or_default();
            return Err(Error::NotReady { name, waited: patience, tail: engine.tail(&id, 15).await });
        }
        tokio::time::sleep(POLL).await;
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (name, record) = (self.record.spec.name.clone(), self.record.clone());
        // The runtime that drops this cannot be waited in.
        let sweeping = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            // Nobody is left to hear of an error; labels lead the next `up` or `down` to what stays.
            let swept = runtime.block_on(async {
                let engine = Engine::connect().await?;
                down::sweep(&engine, &name).await
            });
            if swept.is_ok() {
                let _ = down::remove_files(&record);
            }
        });
        let _ = sweeping.join();
    }
}
