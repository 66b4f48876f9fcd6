//! A small pipeline of the tests' own, through the same links: what is sent into it comes out of it, or the cluster is not healed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use squall::clock;
use squall::flink::{Rest, SqlGateway};
use squall::job::{Endpoints, JobSpec, Launch, Placeholders};
use squall::kafka::{Admin, Isolation, NewTopic, OffsetQuery, Outgoing, Producer, Reader, ReaderSettings, Sending, Start};
use squall::units;

use super::shared::{SOON, Shared, wait};

const WITHIN: Duration = Duration::from_secs(30);
const RECORDS: u64 = 50;
const PARTITIONS: u32 = 2;

/// Sees to it that a job named `canary` copies `canary-in` to `canary-out`: a JobManager that was killed has lost it.
pub fn ensure(shared: &Shared) {
    let rest = Rest::new(&shared.cluster.addresses().flink, Path::new("")).unwrap();
    let runs = || {
        let jobs = shared.runtime.block_on(rest.jobs()).ok()?.value;
        Some(jobs.iter().any(|job| job.name == "canary" && !job.state.is_terminal()))
    };
    if wait("the JobManager", runs) {
        return;
    }
    if let Err(error) = submit(shared, &rest) {
        // On a machine that is too busy the gateway goes on with a statement that nobody waits for any longer.
        println!("the canary is late: {error}");
        wait("the canary", || runs().filter(|runs| *runs));
    }
}

fn submit(shared: &Shared, rest: &Rest) -> Result<(), squall::job::Error> {
    let addresses = shared.cluster.addresses();
    let kafka = Admin::new(&addresses.kafka.harness).unwrap();
    let topics = kafka.metadata(WITHIN).unwrap();
    for topic in ["canary-in", "canary-out"] {
        if topics.topic(topic).is_none() {
            kafka
                .create_topic(&NewTopic { name: topic.into(), partitions: PARTITIONS, replicas: 1, config: BTreeMap::new() }, WITHIN)
                .unwrap();
        }
    }
    let mut placeholders = Placeholders::new("canary", "canary").topic("orders", "canary-in").topic("enriched", "canary-out");
    for link in &addresses.links {
        placeholders = placeholders.link(&link.name, &link.address);
    }
    let spec = "{ sql: { file: scenarios/jobs/passthrough.sql, parallelism: 1, checkpoint: { interval: 1s, mode: exactly-once } } }";
    let spec: JobSpec = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(spec)).unwrap();
    let job = spec.prepare(Path::new(env!("CARGO_MANIFEST_DIR")), &placeholders).unwrap();
    let gateway = SqlGateway::new(addresses.gateway.as_ref().unwrap(), Path::new("")).unwrap();
    shared.runtime.block_on(async {
        let running = job.submit(Endpoints { rest, gateway: Some(&gateway) }, &Launch::named("canary")).await?;
        running.wait_until_running(rest, units::Duration::from_secs(SOON.as_secs())).await.map(drop)
    })
}

/// Sends records and waits until every one of them has come out.
pub fn sings(shared: &Shared) {
    ensure(shared);
    let kafka = &shared.cluster.addresses().kafka;
    let song = format!("song {}", clock::now().0);
    let mut reader = Reader::new(&kafka.harness, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
    let topic = reader.open("canary-out").unwrap();
    let ends = Admin::new(&kafka.harness).unwrap().topic_offsets("canary-out", OffsetQuery::HighWatermark, WITHIN).unwrap();
    for (partition, end) in (0..).zip(ends) {
        reader.start(topic, partition, Start::At(end)).unwrap();
    }
    let mut producer = Producer::new(&kafka.generator, &BTreeMap::new()).unwrap();
    let into = producer.open("canary-in").unwrap();
    for id in 0..RECORDS {
        let value = format!("{song} {id}");
        let record = Outgoing {
            topic: into,
            partition: (id % u64::from(PARTITIONS)) as u32,
            key: Some(b"k"),
            value: Some(value.as_bytes()),
            header: None,
            timestamp: clock::now(),
            id,
        };
        assert_eq!(producer.send(&record), Sending::Queued);
    }
    let mut heard = BTreeSet::new();
    let end = clock::now().plus(SOON);
    while heard.len() < RECORDS as usize {
        assert!(!end.remaining().is_zero(), "{} of {RECORDS} records came through", heard.len());
        producer.poll(Duration::ZERO, |_, _| {});
        reader.poll(Duration::from_millis(50), |record| {
            let value = record.value().map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
            if value.starts_with(&song) {
                heard.insert(value);
            }
        });
    }
    producer.close(WITHIN, |_, _| {});
}
