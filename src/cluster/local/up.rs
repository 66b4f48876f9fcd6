//! The start: everything at the same time that can be, each part polled until it is ready.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::error::{Doing, Error};
use super::launch::{self, Launch};
use super::ports::Ports;
use super::ready::{self, Ready};
use super::record::{self, Entry, Folder, Locked, Phase, Record};
use super::spec::LocalSpec;
use super::{Local, addresses, archive, disk, down, flink, jars, java, kafka};
use crate::clock::{self, Timestamp};
use crate::cluster::mistake::Mistake;
use crate::cluster::places::{Places, absolute};
use crate::cluster::spec::{ClusterSpec, Restarter};
use crate::cluster::{Progress, process};
use crate::proxy::Client;

/// Starts a cluster and waits until all of it is ready.
pub(super) async fn up(spec: &ClusterSpec, local: &LocalSpec, places: &Places, progress: &Progress<'_>) -> Result<Local, Error> {
    if let Some(mistake) = spec.mistakes().into_iter().next() {
        return Err(Error::Mistake(mistake));
    }
    let folder = Folder::of(&spec.name, places);
    // Not for long: whoever has the lock is starting or ending this very cluster.
    let locked = folder.lock(Duration::from_millis(200)).await?;
    if let Some(old) = folder.read()? {
        if old.phase == Phase::Up && old.present().any(Entry::is_alive) {
            return Err(Error::AlreadyUp(spec.name.clone()));
        }
        progress(&format!("clearing what is left of an earlier {}", spec.name));
        down::clear(&locked, old, progress).await?;
    }
    down::end_orphans(&folder).await?;
    let started = clock::now();
    let java = java::find(places.java_home.as_deref()).await?;
    // One after the other: Maven's local repository does not bear two at once.
    let kafka = jars::kafka(local.kafka.version.as_deref(), places, progress).await?;
    let flink = jars::flink(local.flink.version.as_deref(), places, progress).await?;

    let id = fresh_id();
    let label = format!("{}-{id}", spec.name);
    let data = local.data.as_deref().map_or_else(|| folder.path().join("data"), |data| absolute(data).join(&label));
    let record = Record {
        format: record::FORMAT,
        phase: Phase::Starting,
        created: started,
        spec: spec.clone(),
        local: local.clone(),
        archives: archive::folder(&places.cache, &java.build, &kafka, &flink),
        java: java.path,
        java_build: java.build,
        kafka,
        flink,
        squall: absolute(&places.squall),
        control: control_socket(&folder, &label),
        data,
        ports: Ports::choose(count(local.kafka.brokers), &ports_of_others(places), seed(&id))?,
        processes: Vec::new(),
        id,
    };
    let ready = Ready::new(&addresses(&record))?;
    let start = Start { locked, places, record: Mutex::new(record), ready, progress, ended: false };
    start.run(started).await
}

/// What is wrong in the cluster file.
pub(in crate::cluster) fn mistakes(spec: &ClusterSpec, local: &LocalSpec) -> Vec<Mistake> {
    let roles = [
        ("taskmanager", spec.restarted_by.taskmanager),
        ("jobmanager", spec.restarted_by.jobmanager),
        ("broker", spec.restarted_by.broker),
        ("gateway", spec.restarted_by.gateway),
    ];
    let platform = roles.into_iter().filter(|(_, restarter)| *restarter == Some(Restarter::Platform)).map(|(role, _)| {
        Mistake::new(&["restarted-by", role], "a local cluster has no platform that starts nodes again: write `squall` or `nobody`")
    });
    platform.chain(kafka::mistakes("local", &local.kafka.config)).chain(flink::mistakes("local", &local.flink.config)).collect()
}

fn count(number: std::num::NonZeroU32) -> usize {
    usize::try_from(number.get()).unwrap_or(usize::MAX)
}

/// Eight hex digits that no other cluster of this machine had: of the moment and this process.
pub(in crate::cluster) fn fresh_id() -> String {
    let Timestamp(nanos) = clock::now();
    let digest = Sha256::digest(format!("{nanos} {}", std::process::id()));
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

pub(in crate::cluster) fn seed(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or_default()
}

/// Kafka's cluster id: 16 bytes in URL-safe base64.
pub(in crate::cluster) fn kafka_cluster_id(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(id)[..16])
}

/// Beside the record, or where paths are short: the system allows 107 bytes.
fn control_socket(folder: &Folder, label: &str) -> PathBuf {
    let beside = folder.path().join("proxy.sock");
    if beside.as_os_str().len() <= 100 { beside } else { std::env::temp_dir().join(format!("squall-{label}.sock")) }
}

fn ports_of_others(places: &Places) -> BTreeSet<u16> {
    let records = record::recorded(places).into_iter().filter_map(|name| Folder::of(&name, places).read().ok()?);
    records.flat_map(|record| record.ports.all().collect::<Vec<_>>()).collect()
}

/// A cluster that is being started. Unless it gets ready, dropping it takes down what there is, also when the future that
/// holds it is dropped by Ctrl-C.
struct Start<'a> {
    locked: Locked,
    places: &'a Places,
    record: Mutex<Record>,
    ready: Ready,
    progress: &'a Progress<'a>,
    ended: bool,
}

impl Start<'_> {
    async fn run(mut self, started: Timestamp) -> Result<Local, Error> {
        match self.all(started).await {
            Ok(()) => {
                let record = {
                    let mut record = self.record();
                    record.phase = Phase::Up;
                    record.clone()
                };
                self.locked.folder.write(&record)?;
                self.ended = true;
                let took = clock::now().seconds_since(started);
                (self.progress)(&format!("cluster {} is ready, {took:.1} s in all", record.spec.name));
                Local::of(self.locked.folder.clone(), &record)
            }
            Err(error) => {
                self.ended = true;
                let record = self.record().clone();
                // The logs stay: the error names one.
                down::end_all(&self.locked.folder, &record, Duration::ZERO).await?;
                down::remove_data(&record)?;
                down::remove_all_but_logs(&self.locked.folder)?;
                Err(error)
            }
        }
    }

    async fn all(&self, started: Timestamp) -> Result<(), Error> {
        self.prepare()?;
        let said = |what: String| (self.progress)(&format!("{what} ready after {:.1} s", clock::now().seconds_since(started)));
        let proxy = async {
            let proxy = self.start(|record, _| Launch::proxy(record))?;
            let control = self.record().control.clone();
            ready::wait(&[proxy], ready::START, async || match Client::connect(&control).await {
                Ok(client) => client.status(false).await.is_ok(),
                Err(_) => false,
            })
            .await
        };
        let (version, number) = {
            let record = self.record();
            (record.kafka.version.clone(), record.ports.brokers.len())
        };
        let kafka = async {
            self.brokers(number).await?;
            said(format!("Kafka {version}, {number} broker{}", plural(number)));
            Ok(())
        };
        let flink = async {
            let jobmanager = self.start(Launch::jobmanager)?;
            ready::wait(&[jobmanager], ready::START, async || self.ready.jobmanager().await).await?;
            let version = self.record().flink.version.clone();
            said(format!("Flink {version}, JobManager"));
            let taskmanagers = async {
                let number = self.taskmanagers().await?;
                said(format!("{number} TaskManager{}", plural(number)));
                Ok(())
            };
            let gateway = async {
                let gateway = self.start(Launch::gateway)?;
                ready::wait(&[gateway], ready::START, async || self.ready.gateway().await).await?;
                said("SQL gateway".to_owned());
                Ok(())
            };
            futures::try_join!(taskmanagers, gateway)
        };
        futures::try_join!(proxy, kafka, flink).map(drop)
    }

    fn folder(&self) -> &Folder {
        &self.locked.folder
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folders and files that the processes need, the record first.
    fn prepare(&self) -> Result<(), Error> {
        let record = self.record();
        let folder = self.folder();
        folder.write(&record)?;
        let _ = fs::remove_dir_all(folder.logs());
        for path in [folder.conf(), folder.logs(), record.data.join("tmp"), record.data.join("checkpoints"), record.data.join("savepoints")]
        {
            fs::create_dir_all(&path).doing(|| format!("cannot make `{}`", path.display()))?;
        }
        if let Some(size) = record.local().flink.checkpoint_disk {
            disk::mount_on(&record.data.join("checkpoints"), size)?;
        }
        let write = |name: &str, text: String| {
            let path = folder.conf().join(name);
            fs::write(&path, text).doing(|| format!("cannot write `{}`", path.display()))
        };
        for number in 1..=record.ports.brokers.len() {
            write(&format!("broker-{number}.properties"), kafka::properties(&record, number))?;
        }
        write("config.yaml", flink::yaml(&flink::settings(&record))?)?;
        write("log4j.properties", kafka::LOG4J.to_owned())
    }

    /// Starts a process and records it.
    fn start(&self, launch: impl FnOnce(&Record, &Folder) -> Launch) -> Result<Entry, Error> {
        let mut record = self.record();
        let entry = launch(&record, self.folder()).start(&record, self.folder())?;
        record.processes.push(entry.clone());
        self.folder().write(&record)?;
        Ok(entry)
    }

    async fn brokers(&self, number: usize) -> Result<(), Error> {
        futures::future::try_join_all((1..=number).map(|broker| self.format(broker))).await?;
        let start = |broker| self.start(|record, folder| Launch::broker(record, folder, broker));
        let brokers = (1..=number).map(start).collect::<Result<Vec<_>, _>>()?;
        ready::wait(&brokers, ready::START, async || self.ready.brokers(number).await).await
    }

    async fn format(&self, broker: usize) -> Result<(), Error> {
        let (launch, command) = {
            let record = self.record();
            let launch = Launch::format_broker(&record, self.folder(), broker, &kafka_cluster_id(&record.id));
            let command = launch.command(&record, self.folder());
            (launch, command)
        };
        let status = command?.kill_on_drop(true).status().await.doing(|| "cannot format a broker's folder".to_owned())?;
        if status.success() {
            return Ok(());
        }
        let log = launch.log(self.folder());
        Err(Error::DiedAtStart { name: format!("formatting of {}", launch.name()), tail: launch::tail(&log, 0, 15), log })
    }

    async fn taskmanagers(&self) -> Result<usize, Error> {
        let number = count(self.record().local().flink.taskmanagers);
        let names: Vec<_> = (1..=number).map(|number| format!("tm-{number}")).collect();
        let start = |name: &String| self.start(|record, folder| Launch::taskmanager(record, folder, name));
        let processes = names.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        ready::wait(&processes, ready::START, async || self.ready.taskmanagers(&names).await).await?;
        Ok(number)
    }
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let record = self.record().clone();
        process::kill_now(&record.processes.iter().map(|entry| (entry.pid, entry.start_ticks)).collect::<Vec<_>>());
        process::kill_now(&down::labelled(self.folder(), Some(&record)));
        for draft in record.processes.iter().filter_map(|entry| entry.archive.as_deref()) {
            archive::settle(draft, false);
        }
        // Nobody is left to hear of an error; the record, which goes last, leads the next `up` or `down` to what stays.
        if down::remove_data(&record).is_ok() && fs::remove_dir_all(self.folder().path()).is_ok() {
            self.places.remove_empty();
        }
    }
}
