//! Going on with a run whose squall has died. Everything that can fail comes before the first line: until then the run stays as it is,
//! and can be resumed again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock::{self, Timestamp};
use crate::cluster::{self, Cluster, Places};
use crate::delivery::{DeliveryError, KeptLedger, Sent, Verifier, VerifierSettings};
use crate::flink::{self, JobId, Rest};
use crate::guard::{self, ClusterLock, LockError, Owed, Reach};
use crate::job::{JobSpec, Origin, RunningJob};
use crate::journal::{self, Entry, EventKind, RunFolder, Writer};
use crate::kafka::{Admin, KafkaError};
use crate::plan::Plan;
use crate::units::Bytes;

use super::drive::Drive;
use super::engine::drive_to_the_end;
use super::observers::{ObserverError, Observers};
use super::recorder::Recorder;
use super::replayed::replay;
use super::request::{Finished, Request};
use super::stop::Stop;
use super::told::Told;
use super::underway::{Carried, Ears, verifier_settings};
use super::watcher::Watcher;
use super::{keep, prepare};

/// The guard of the run that died may be at its faults for so long.
const PATIENCE: Duration = Duration::from_secs(90);
/// A slow machine reads so many records of the sink a second.
const READS_PER_SECOND: u64 = 25_000;

/// Why a run was not gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It is over, or was never to be resumed.
    #[error("run {run} cannot be resumed: {why}")]
    NotResumable {
        /// The run.
        run: String,
        /// Why.
        why: String,
    },
    /// A file of the run's folder cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Somebody else is on the cluster.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The faults of the squall that died cannot be undone.
    #[error(transparent)]
    Undo(#[from] guard::Error),
    /// They were tried.
    #[error("run {run} still has faults that could not be undone:\n  {}", left.join("\n  "))]
    Left {
        /// The run.
        run: String,
        /// What, and why.
        left: Vec<String>,
    },
    /// Its cluster is not there.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// Kafka cannot be asked.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Flink cannot be asked.
    #[error(transparent)]
    Flink(#[from] flink::Error),
    /// Its job or its topics are not as they were.
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    /// What went in and came out cannot be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The sink is not read in time.
    #[error("partition {partition} of {topic} was read to offset {position} of {end} only")]
    Behind {
        /// Topic.
        topic: String,
        /// Its partition.
        partition: u32,
        /// How far.
        position: i64,
        /// Its end.
        end: i64,
    },
    /// Its journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Somebody who is to be told or asked beside the cluster cannot be.
    #[error(transparent)]
    Observer(#[from] ObserverError),
    /// The guard did not start.
    #[error("cannot start the guard")]
    Guard(#[source] std::io::Error),
    /// A task broke off.
    #[error("a task broke off: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// Stopped before it went on.
    #[error("stopped before the run went on; it can still be resumed")]
    Interrupted,
}

/// What is to be gone on with.
#[derive(Debug, Clone)]
pub struct Resume {
    /// As the run was asked for.
    pub request: Request,
    /// Its folder.
    pub folder: RunFolder,
    /// The last line before the death.
    pub since: Timestamp,
}

impl Resume {
    /// Of a run's folder.
    ///
    /// # Errors
    /// When the run is over, goes on, or is not one that can be resumed, and when its folder cannot be read.
    pub fn of(folder: RunFolder, metrics: Option<SocketAddr>, disk_budget: Bytes) -> Result<Self, ResumeError> {
        let owed = Owed::read(&folder)?;
        let no = |why: &str| Err(ResumeError::NotResumable { run: owed.run.clone(), why: why.to_owned() });
        if guard::is_alive(owed.engine) && owed.ended.is_none() {
            return no("it goes on");
        }
        if owed.ended.is_some() {
            return no("it has ended, and what it had made is removed");
        }
        let Some((base, since)) = owed.resumable() else {
            return no(
                "its squall died before traffic flowed, while it was put back, or it is no soak and was started without --resumable; \
                       `squall undo` puts back what is left",
            );
        };
        let text = |name: &str| {
            let path = folder.path().join(name);
            std::fs::read_to_string(&path).map_err(|error| ResumeError::File { path, reason: error.to_string() })
        };
        let plan: Plan = serde_json::from_str(&text("plan.json")?)
            .map_err(|error| ResumeError::File { path: folder.path().join("plan.json"), reason: error.to_string() })?;
        let request = Request {
            plan,
            cluster: guard::cluster_spec(&folder)?,
            scenario_text: text("scenario.yaml")?,
            cluster_text: text("cluster.yaml")?,
            base: base.into(),
            reports: PathBuf::new(),
            keep_cluster: false,
            resumable: true,
            undo_first: false,
            metrics,
            disk_budget,
            run: owed.run.clone(),
            pilot: None,
        };
        Ok(Self { request, since, folder })
    }
}

/// Goes on with a run. From the first new line on it ends like any other: everything is put back on every way out.
///
/// # Errors
/// Only before that line; then the run is as it was, and can be resumed again.
pub async fn resume(resume: Resume, places: &Places, stop: &Stop, watcher: Arc<dyn Watcher>) -> Result<Finished, ResumeError> {
    let one = stop.of_one_run();
    let stop = one.stop();
    let lock = places.state.join("locks").join(resume.request.cluster.name.as_str());
    let holder = format!("run {}", resume.request.run);
    let lock = match ClusterLock::take(&lock, &holder) {
        Err(LockError::Held { holder: other }) => {
            watcher.step(&format!("waiting for {other}"));
            let held = stop.unless(ClusterLock::take_within(&lock, &holder, PATIENCE)).await;
            held.map_err(|_| ResumeError::Interrupted)??
        }
        taken => taken?,
    };
    // Somebody else may have gone on with it, or put it back, until now.
    let Resume { request, folder, since: by_lines } = Resume::of(resume.folder, resume.request.metrics, resume.request.disk_budget)?;
    let undone = guard::undo_for_a_resume(&folder, places, "resume", Some(&lock)).await?;
    if !undone.is_clean() {
        return Err(ResumeError::Left { run: undone.run, left: undone.left });
    }
    let mut observers = Observers::of(&request).await?;
    let ready = async {
        let cluster = Cluster::attach(&request.cluster, places).await?;
        cluster.ready().await?;
        Ok::<_, cluster::Error>(cluster)
    };
    let cluster = stop.unless(ready).await.map_err(|_| ResumeError::Interrupted)??;
    let kafka = Arc::new(Admin::new(&cluster.addresses().kafka.harness)?);

    let (mut owed, mut told) = (Owed::default(), Told::default());
    let (analysis, torn) = replay(&folder, request.live_fold(), |entry| match entry {
        Entry::Event(event) => {
            owed.push(event);
            told.push(event);
        }
        Entry::Poll(poll) => poll.events().last().iter().for_each(|sample| told.push(sample)),
    })?;
    for torn in torn {
        tracing::warn!("the journal breaks off: {torn}");
    }
    // By the samples, which the first look leaves out.
    let since = told.broken_off.resumable().map_or(by_lines, |(_, since)| since);
    let shown = analysis.happenings_since(0).len();
    let topics = told.topics(&request.plan.scenario, &request.run);
    let all = topics.inputs.iter().chain(&topics.sinks).map(|(_, topic, _)| topic.clone()).collect();
    prepare::all_there(all, &kafka).await?;
    folder.reserve()?;
    let last = told.last.max(folder.last_sample().unwrap_or(0));
    let recorder = Arc::new(Recorder::new(Writer::resume(folder.clone(), last)?.within(request.disk_budget), analysis, owed, stop.clone()));
    let job = Arc::new(prepare::job(&request.plan.scenario, &request.base, &cluster, &topics, &request.run, &recorder)?);
    if let Some((id, name)) = &told.job {
        let (state, adopted) = found(job.rest(), id, name, &request.plan.scenario.job).await?;
        if let Some(state) = state {
            watcher.step(&format!("the job {name} is {state}: what it had not brought out by then stays missing"));
        }
        job.adopt(adopted).await;
    }

    watcher.step("reading what went in and came out so far");
    let connection = cluster.addresses().kafka.harness.clone();
    let settings = verifier_settings(&request.plan, &request.run, connection, &told.streams, &told.sinks, since);
    let kept = keep::kept(&folder);
    let read = stop.unless(read(settings, told.clone(), kept, since)).await;
    let (sent, verifier, ears) = read.map_err(|_| ResumeError::Interrupted)??;

    let mut reach = Reach::new(request.cluster.clone(), places);
    let engine = guard::own_identity();
    let _guard = guard::start(folder.path().to_owned(), engine).map_err(ResumeError::Guard)?;
    recorder.durably(EventKind::Resumed { squall: env!("CARGO_PKG_VERSION").to_owned(), engine, since })?;
    let drive = Drive {
        request: &request,
        cluster: Arc::new(cluster),
        kafka,
        recorder,
        stop,
        watcher: &*watcher,
        queries: observers.queries.take(),
        probes: JoinSet::new(),
        carried: Some((topics, job, Carried { told, since, sent, verifier, ears })),
    };
    Ok(drive_to_the_end(drive, &mut reach, observers, (&watcher, shown)).await?)
}

/// The run's job, by its name where a drill has submitted it anew since it was journalled; and how it has ended, where it has.
async fn found(rest: &Rest, id: &str, name: &str, spec: &JobSpec) -> Result<(Option<String>, RunningJob), flink::Error> {
    let origin = if matches!(spec, JobSpec::Attach(_)) { Origin::Attached } else { Origin::Submitted };
    let job = |id: JobId| RunningJob { id, name: name.to_owned(), origin };
    let jobs = rest.jobs().await?.value;
    let known = jobs.iter().find(|job| job.id.as_str() == id);
    // Names of jobs of our own carry the run's id.
    let anew = || jobs.iter().find(|job| origin == Origin::Submitted && job.name == name && !job.state.is_terminal());
    Ok(match known {
        Some(known) if !known.state.is_terminal() => (None, job(known.id.clone())),
        _ => match anew() {
            Some(anew) => (None, job(anew.id.clone())),
            None => {
                let state = known.map_or_else(|| "not known to Flink any more".to_owned(), |known| known.state.to_string());
                (Some(state), job(JobId::from(id)))
            }
        },
    })
}

/// Reads the sink from where the run began in it, and the input topics, side by side.
async fn read(
    settings: VerifierSettings,
    told: Told,
    kept: KeptLedger,
    since: Timestamp,
) -> Result<(Sent, Verifier, Arc<Ears>), ResumeError> {
    let (connection, expected) = (settings.connection.clone(), settings.expected.clone());
    let inputs = told.inputs.clone();
    let sent = tokio::task::spawn_blocking(move || Sent::read(&connection, &inputs, &expected, &kept, since));
    let ears = Arc::new(Ears::default());
    let hears = ears.clone();
    let caught_up = tokio::task::spawn_blocking(move || {
        let admin = Admin::new(&settings.connection)?;
        let mut records = 0;
        for sink in &settings.sinks {
            let ends = admin.topic_offsets(&sink.topic, crate::kafka::OffsetQuery::HighWatermark, Duration::from_secs(30))?;
            records += ends.iter().zip(&sink.offsets).map(|(end, start)| u64::try_from(end - start).unwrap_or(0)).sum::<u64>();
        }
        let verifier = Verifier::start(settings, move |observation| hears.hear(observation))?;
        let deadline = clock::now().plus(Duration::from_secs(60 + records / READS_PER_SECOND));
        match verifier.catch_up(deadline)?.behind.first() {
            None => Ok(verifier),
            Some(behind) => Err(ResumeError::Behind {
                topic: behind.topic.clone(),
                partition: behind.partition,
                position: behind.position,
                end: behind.end,
            }),
        }
    });
    let (sent, caught_up) = tokio::join!(sent, caught_up);
    Ok((sent??, caught_up??, ears))
}
