//! The owner of a foreign cluster: topics, a job and a group that are not squall's, and records of other people.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use squall::clock;
use squall::flink::{Access, Rest, SqlGateway};
use squall::job::{Endpoints, JobSpec, Launch, Placeholders};
use squall::kafka::{Admin, Connection, NewTopic, Outgoing, Producer};
use squall::units;

use super::foreign::Foreign;
use super::shared::SOON;

const WITHIN: Duration = Duration::from_secs(30);

pub struct Owner {
    kafka: Connection,
    rest: Rest,
    runtime: tokio::runtime::Runtime,
}

/// Other people's records, until it is stopped.
pub struct Noise {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Noise {
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Owner {
    /// Makes `theirs-in`, `theirs-out` and the job `theirs` between them, of group `theirs`.
    pub fn of(foreign: &Foreign) -> Self {
        Self::at(&foreign.kafka, foreign)
    }

    /// The same, on the Kafka at this address.
    pub fn at(address: &str, foreign: &Foreign) -> Self {
        let kafka = Connection::plain(address);
        let admin = Admin::new(&kafka).unwrap();
        for topic in ["theirs-in", "theirs-out"] {
            admin.create_topic(&NewTopic { name: topic.into(), partitions: 2, replicas: 1, config: BTreeMap::new() }, WITHIN).unwrap();
        }
        let placeholders = Placeholders::new("theirs", "theirs")
            .topic("orders", "theirs-in")
            .topic("enriched", "theirs-out")
            .link("source", address)
            .link("sink", address);
        let spec = "{ sql: { file: scenarios/jobs/passthrough.sql, parallelism: 2, checkpoint: { interval: 2s, mode: exactly-once } } }";
        let spec: JobSpec = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(spec)).unwrap();
        let job = spec.prepare(Path::new(env!("CARGO_MANIFEST_DIR")), &placeholders).unwrap();
        let rest = Rest::new(&Access::to([foreign.flink.as_str()]), Path::new("")).unwrap();
        let gateway = SqlGateway::new(&Access::to([foreign.gateway.as_str()]), Path::new("")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let running = job.submit(Endpoints { rest: &rest, gateway: Some(&gateway) }, &Launch::named("theirs")).await.unwrap();
            running.wait_until_running(&rest, units::Duration::from_secs(SOON.as_secs())).await.unwrap();
        });
        Self { kafka, rest, runtime }
    }

    /// Sends records without any mark of squall's, ten a second.
    pub fn noise(&self) -> Noise {
        let stop = Arc::new(AtomicBool::new(false));
        let (kafka, stopped) = (self.kafka.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut producer = Producer::new(&kafka, &BTreeMap::new()).unwrap();
            let topic = producer.open("theirs-in").unwrap();
            for id in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let record = Outgoing {
                    topic,
                    partition: (id % 2) as u32,
                    key: Some(b"theirs"),
                    value: Some(b"theirs"),
                    header: None,
                    timestamp: clock::now(),
                    id,
                };
                producer.send(&record);
                producer.poll(Duration::ZERO, |_, _| {});
                std::thread::sleep(Duration::from_millis(100));
            }
            producer.close(WITHIN, |_, _| {});
        });
        Noise { stop, thread: Some(thread) }
    }

    /// Topics, group and job are there, and nothing else.
    pub fn assert_untouched(&self) {
        self.assert_topics();
        let jobs = self.runtime.block_on(self.rest.jobs()).unwrap().value;
        let running: Vec<_> = jobs.iter().filter(|job| !job.state.is_terminal()).map(|job| job.name.as_str()).collect();
        assert_eq!(running, ["theirs"]);
    }

    /// Its topics are there, and nobody else's.
    pub fn assert_topics(&self) {
        let topics = Admin::new(&self.kafka).unwrap().metadata(WITHIN).unwrap().topics;
        let mut names: Vec<_> = topics.iter().map(|topic| topic.name.as_str()).filter(|name| !name.starts_with("__")).collect();
        names.sort_unstable();
        assert_eq!(names, ["theirs-in", "theirs-out"]);
    }
}
