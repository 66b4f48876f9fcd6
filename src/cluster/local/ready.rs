//! Tells when a process is ready for its work, by asking it.

use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use super::error::Error;
use super::launch;
use super::record::Entry;
use crate::clock;
use crate::cluster::description::Addresses;
use crate::flink::{Access, Rest, SqlGateway};
use crate::kafka::Connection;

/// How long any part may take to get ready: a loaded machine takes ten times what a quiet one does.
pub(in crate::cluster) const START: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// Asks the parts of one cluster.
#[derive(Debug)]
pub(in crate::cluster) struct Ready {
    kafka: Connection,
    rest: Rest,
    gateway: Option<SqlGateway>,
}

impl Ready {
    pub fn new(addresses: &Addresses) -> Result<Self, Error> {
        let here = Path::new("");
        let client = |access: &Access| Access { timeout: crate::units::Duration::from_secs(1), ..access.clone() };
        Ok(Self {
            kafka: addresses.kafka.harness.clone(),
            rest: Rest::new(&client(&addresses.flink), here)?,
            gateway: addresses.gateway.as_ref().map(|gateway| SqlGateway::new(&client(gateway), here)).transpose()?,
        })
    }

    /// This many brokers are there, by what they say of each other.
    pub async fn brokers(&self, number: usize) -> bool {
        // librdkafka complains of every refused connection and backs off; a plain one is quicker to try.
        for address in self.kafka.bootstrap.split(',') {
            if TcpStream::connect(address).await.is_err() {
                return false;
            }
        }
        let kafka = self.kafka.clone();
        let known = tokio::task::spawn_blocking(move || kafka.check(Duration::from_secs(1)).map_or(0, |known| known.brokers.len()));
        known.await.is_ok_and(|known| known >= number)
    }

    /// The JobManager answers.
    pub async fn jobmanager(&self) -> bool {
        self.rest.overview().await.is_ok()
    }

    /// All of these TaskManagers are registered.
    pub async fn taskmanagers(&self, names: &[String]) -> bool {
        let registered = self.rest.taskmanagers().await;
        registered.is_ok_and(|registered| names.iter().all(|name| registered.iter().any(|one| one.id == *name)))
    }

    /// The SQL gateway answers.
    pub async fn gateway(&self) -> bool {
        match &self.gateway {
            Some(gateway) => gateway.version().await.is_ok(),
            None => false,
        }
    }
}

/// Polls until `ready`, or until one of the processes that are needed for it dies, or for too long.
pub(super) async fn wait<F: Future<Output = bool>>(processes: &[Entry], patience: Duration, ready: impl Fn() -> F) -> Result<(), Error> {
    let started = clock::now();
    loop {
        if ready().await {
            return Ok(());
        }
        if let Some(dead) = processes.iter().find(|entry| !entry.is_alive()) {
            let tail = launch::tail(&dead.log, dead.log_offset, 15);
            return Err(Error::DiedAtStart { name: dead.name.clone(), log: dead.log.clone(), tail });
        }
        if clock::now() > started.plus(patience) {
            let (name, log) = processes.first().map(|entry| (entry.name.clone(), entry.log.clone())).unwrap_or_default();
            return Err(Error::NotReady { name, log, waited: patience });
        }
        tokio::time::sleep(POLL).await;
    }
}
