//! A run from its first line to its last.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::cluster::{Cluster, Places};
use crate::guard::{self, ClusterLock, Owed, Reach};
use crate::journal::{self, Ending, EventKind, Phase, Record, RunFolder, SCHEMA, Writer};
use crate::kafka::Admin;

use super::drive::Drive;
use super::error::Error;
use super::observers::Observers;
use super::recorder::Recorder;
use super::replayed::replayed;
use super::request::{Finished, Request, plan_json};
use super::show::{SHOW_EVERY, show};
use super::stop::Stop;
use super::watcher::Watcher;
use super::{clean_start, cleanup, prepare};

/// Runs a plan. From the first action on, everything is put back on every way out, and said in the outcome.
///
/// # Errors
/// Only before there was a pipeline to run on; then nothing is left either.
pub async fn run(request: Request, places: &Places, stop: &Stop, watcher: Arc<dyn Watcher>) -> Result<Finished, Error> {
    // The end of this run is not the end of what it is part of.
    let one = stop.of_one_run();
    let stop = one.stop();
    let name = request.cluster.name.as_str();
    let lock = ClusterLock::take(&places.state.join("locks").join(name), &format!("run {}", request.run))?;
    let mut observers = Observers::of(&request).await?;
    clean_start::ensure(name, (places, &request.reports), request.undo_first, &lock, &*watcher).await?;
    let found = match stop.unless(Cluster::attach(&request.cluster, places)).await {
        Ok(Ok(cluster)) => match stop.unless(cluster.ready()).await {
            Ok(ready) => {
                ready?;
                Some(cluster)
            }
            Err(_) => return Err(Error::Interrupted),
        },
        Ok(Err(error)) if error.is_not_up() => None,
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(Error::Interrupted),
    };
    let recorder = Arc::new(begin(&request, stop)?);
    let mut reach = Reach::new(request.cluster.clone(), places);
    let _guard = match guard::start(recorder.folder().path().to_owned(), guard::own_identity()) {
        Ok(guard) => guard,
        Err(error) => {
            end(&recorder, Ending::Failed(format!("the guard did not start: {error}")), &[]);
            return Err(Error::Guard(error));
        }
    };
    let opened = match found {
        Some(cluster) => Ok(cluster),
        None => bring_up(&request, places, &recorder, stop, &*watcher).await,
    };
    let with_kafka = |cluster: Cluster| {
        let kafka = Admin::new(&cluster.addresses().kafka.harness)?;
        Ok((Arc::new(cluster), Arc::new(kafka)))
    };
    let opened = match opened.and_then(with_kafka) {
        Ok((cluster, kafka)) => match prepare::existing(&request.plan.scenario, &kafka).await {
            Ok(()) => Ok((cluster, kafka)),
            Err(prepare::Error::Kafka(error)) => Err(Error::Kafka(error)),
            Err(error) => Err(Error::Topic(error)),
        },
        Err(error) => Err(error),
    };
    let (cluster, kafka) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let left = cleanup::things(&recorder, None, &mut reach).await;
            end(&recorder, stop.reason().unwrap_or_else(|| Ending::Failed(error.to_string())), &left);
            return Err(error);
        }
    };
    let probes = JoinSet::new();
    let queries = observers.queries.take();
    let drive = Drive { request: &request, cluster, kafka, recorder, stop, watcher: &*watcher, queries, probes, carried: None };
    Ok(drive_to_the_end(drive, &mut reach, observers, (&watcher, 0)).await?)
}

/// A run on a cluster that is up, to its last line. Its happenings are shown from the given one on.
pub(super) async fn drive_to_the_end(
    mut run: Drive<'_>,
    reach: &mut Reach<'_>,
    observers: Observers,
    (watcher, shown): (&Arc<dyn Watcher>, usize),
) -> Result<Finished, journal::Error> {
    let recorder = run.recorder.clone();
    let mut telling = observers.start(&recorder);
    let live = tokio::spawn(show(recorder.clone(), watcher.clone(), run.request.plan.clone(), shown));
    let (ending, left_behind) = run.whole(reach).await;
    run.probes.shutdown().await;
    telling.annotate_the_end().await;
    end(&recorder, ending, &left_behind);
    // The last happenings are shown before the summary.
    tokio::time::sleep(2 * SHOW_EVERY).await;
    live.abort();
    telling.end();
    let folder = recorder.folder();
    let outcome = match recorder.ask(|analysis| (!analysis.forgets()).then(|| analysis.outcome())) {
        Some(outcome) => outcome,
        None => replayed(&folder, &run.request.plan)?.analysis.outcome(),
    };
    Ok(Finished { folder, outcome, left_behind })
}

/// The run's folder and the first lines of its journal.
fn begin(request: &Request, stop: &Stop) -> Result<Recorder, Error> {
    let plan = &request.plan;
    let folder = RunFolder::create(&request.reports, plan.scenario.name.as_str(), &request.run)?;
    folder.write("scenario.yaml", request.scenario_text.as_bytes())?;
    folder.write("cluster.yaml", request.cluster_text.as_bytes())?;
    // The text's paths count from its own folder: whoever undoes the run is elsewhere.
    folder.write("cluster.json", serde_json::to_string_pretty(&request.cluster).map_err(Error::Plan)?.as_bytes())?;
    folder.write("plan.json", plan_json(plan)?.as_bytes())?;
    let recorder = Recorder::new(Writer::create(folder)?.within(request.disk_budget), request.live_fold(), Owed::default(), stop.clone());
    let (run, squall) = (request.run.clone(), env!("CARGO_PKG_VERSION").to_owned());
    recorder.durably(EventKind::RunStarted { schema: SCHEMA, run, squall, engine: guard::own_identity() })?;
    recorder.record(EventKind::Phase(Phase::Preparing));
    Ok(recorder)
}

/// Starts the cluster. Unless it is to be kept, it is the run's own from now on, however far its start gets.
async fn bring_up(request: &Request, places: &Places, recorder: &Recorder, stop: &Stop, watcher: &dyn Watcher) -> Result<Cluster, Error> {
    if !request.keep_cluster {
        recorder.durably(EventKind::Made { kind: "cluster".to_owned(), name: request.cluster.name.to_string() })?;
    }
    let progress = |line: &str| watcher.step(line);
    match stop.unless(Cluster::up(&request.cluster, places, &progress)).await {
        Ok(up) => Ok(up?),
        Err(_) => Err(Error::Interrupted),
    }
}

/// The last line of the journal.
fn end(recorder: &Recorder, ending: Ending, left_behind: &[String]) {
    let clean = recorder.undos().is_empty() && left_behind.is_empty();
    // The samples first: nothing follows the last line.
    recorder.flush();
    recorder.record(EventKind::RunEnded { ending, clean });
}
