//! A small pipeline of the tests' own, through the same links: what is sent into it comes out of it, or the cluster is not healed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use squall::clock;
use squall::flink::{Rest, SqlGateway};
use squall::job::{Endpoints, JobSpec, Launch, Placeholders};
use squall::kafka::{Admin, Isolation, NewTopic, Outgoing, Producer, Reader, ReaderSettings, Sending, Start};
use squall::units;

use super::shared::{SOON, Shared};

const WITHIN: Duration = Duration::from_secs(30);
const RECORDS: u64 = 50;

/// A job named `canary` that copies `canary-in` to `canary-out`.
pub struct Canary;

impl Canary {
    pub fn start(shared: &Shared) -> Self {
        let addresses = shared.cluster.addresses();
        let kafka = Admin::new(&addresses.kafka.harness).unwrap();
        for topic in ["canary-in", "canary-out"] {
            kafka.create_topic(&NewTopic { name: topic.into(), partitions: 1, replicas: 1, config: BTreeMap::new() }, WITHIN).unwrap();
        }
        let mut placeholders = Placeholders::new("canary", "canary").topic("orders", "canary-in").topic("enriched", "canary-out");
        for link in &addresses.links {
            placeholders = placeholders.link(&link.name, &link.address);
        }
        let spec = "{ sql: { file: scenarios/jobs/passthrough.sql, parallelism: 1, checkpoint: { interval: 1s, mode: exactly-once } } }";
        let spec: JobSpec = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(spec)).unwrap();
        let job = spec.prepare(Path::new(env!("CARGO_MANIFEST_DIR")), &placeholders).unwrap();
        let rest = Rest::new(&addresses.flink, Path::new("")).unwrap();
        let gateway = SqlGateway::new(addresses.gateway.as_ref().unwrap(), Path::new("")).unwrap();
        shared.runtime.block_on(async {
            let running = job.submit(Endpoints { rest: &rest, gateway: Some(&gateway) }, &Launch::named("canary")).await.unwrap();
            running.wait_until_running(&rest, units::Duration::from_secs(SOON.as_secs())).await.unwrap();
        });
        Self
    }

    /// Sends records and waits until every one of them has come out.
    pub fn sings(&self, shared: &Shared) {
        let kafka = &shared.cluster.addresses().kafka;
        let song = format!("{}", clock::now().0);
        let mut reader = Reader::new(&kafka.harness, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
        let topic = reader.open("canary-out").unwrap();
        reader.start(topic, 0, Start::Earliest).unwrap();
        let mut producer = Producer::new(&kafka.generator, &BTreeMap::new()).unwrap();
        let into = producer.open("canary-in").unwrap();
        for id in 0..RECORDS {
            let value = format!("{song} {id}");
            let record = Outgoing {
                topic: into,
                partition: 0,
                key: Some(b"k"),
                value: Some(value.as_bytes()),
                header: None,
                timestamp: clock::now(),
                id,
            };
            assert_eq!(producer.send(&record), Sending::Queued);
        }
        let mut heard = std::collections::BTreeSet::new();
        let end = clock::now().plus(SOON);
        while heard.len() < RECORDS as usize {
            assert!(!end.remaining().is_zero(), "{} of {RECORDS} records came through", heard.len());
            producer.poll(Duration::ZERO, |_, _| {});
            reader.poll(Duration::from_millis(100), |record| {
                let value = String::from_utf8_lossy(record.value().unwrap()).into_owned();
                if value.starts_with(&song) {
                    heard.insert(value);
                }
            });
        }
        producer.close(WITHIN, |_, _| {});
    }
}
