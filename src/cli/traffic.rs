//! `squall traffic`: a scenario's records, or a slice of them, and nothing else.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::arguments::{Format, Traffic as Arguments};
use super::cluster::print;
use super::{Exit, Failure, cluster, file, run, tell};
use crate::clock::{self, Timestamp};
use crate::cluster::Cluster;
use crate::kafka::{Admin, Connection};
use crate::run::{Stop, new_run_id};
use crate::scenario::Scenario;
use crate::traffic::{Accounts, AckSink, Input, Progress, Settings, Settled, Traffic};
use crate::units::display;

/// Producers connect within this time, so that the first record leaves when it is due.
const LEAD: Duration = Duration::from_millis(1500);
/// Time for Kafka to answer.
const WITHIN: Duration = Duration::from_secs(15);
/// What is in flight at the end is settled within this time.
const CLOSE_WITHIN: Duration = Duration::from_secs(35);
/// Between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The producer's own books say what became of each record; nobody here asks for more.
struct BooksOnly;

impl AckSink for BooksOnly {
    fn settled(&mut self, _: &[Settled]) {}
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    run: &'a str,
    seed: u64,
    shard: String,
    streams: Vec<Row<'a>>,
}

/// The books of a stream.
#[derive(Serialize)]
struct Row<'a> {
    stream: &'a str,
    scheduled: u64,
    sent: u64,
    unsent: u64,
    acknowledged: u64,
    failed: u64,
    unresolved: u64,
    limited_by: Option<&'a str>,
    complaint: Option<&'a str>,
}

pub(super) async fn traffic(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let target = file::cluster(&arguments.cluster)?;
    let plan = file::planned(&arguments.scenario, &target, arguments.seed)?;
    run::confirmed(&target.value, arguments.confirm.as_deref())?;
    if plan.scenario.traffic.is_empty() {
        return Err(Failure::new(Exit::Invalid, "error: the scenario has no `traffic:`"));
    }
    let stop = Stop::default();
    let _signals = stop.listen(|_| {}).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let cluster = Cluster::attach(&target.value, &places).await.map_err(|error| Failure::of(Exit::NotReady, &error))?;

    let run = arguments.run.clone().unwrap_or_else(|| new_run_id(clock::now()));
    let kafka = &cluster.addresses().kafka;
    let inputs = inputs(&plan.scenario, file::folder(&arguments.scenario), &run, kafka.harness.clone()).await?;
    let settings = Settings {
        run: run.clone(),
        seed: plan.seed,
        connection: kafka.generator.clone(),
        start: start(arguments)?,
        duration: plan.scenario.duration.0,
        slice: arguments.shard,
        placement: plan.scenario.sink.identity.clone(),
    };
    let traffic = Traffic::start(&settings, &inputs, |_, _| Box::new(BooksOnly)).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    tell(&format!("run {run}      shard {}      seed {}\n", arguments.shard, plan.seed));
    let progress = flow(traffic, settings.start, &stop).await?;
    let rows: Vec<_> = progress.streams.iter().map(|stream| row(&stream.stream, &stream.accounts, stream.complaint.as_deref())).collect();
    let exit = exit(&progress, stop.reason().is_some());
    print(&match arguments.format {
        Format::Json => {
            let report = Report { schema: 1, run: &run, seed: plan.seed, shard: arguments.shard.to_string(), streams: rows };
            serde_json::to_string(&report).map_err(|error| Failure::of(Exit::ToolError, &error))? + "\n"
        }
        Format::Text => table(&rows),
    })?;
    Ok(exit)
}

/// When the first record is due; a time that has passed is a mistake, for its records could only be late.
fn start(arguments: &Arguments) -> Result<Timestamp, Failure> {
    let Some(start) = arguments.start else { return Ok(clock::now().plus(LEAD)) };
    let nanos = i64::try_from(start.as_nanosecond()).map(Timestamp).ok().filter(|at| *at > clock::now());
    nanos.ok_or_else(|| Failure::new(Exit::Invalid, format!("error: --start {start} is not to come")))
}

/// Streams and the topics that they go to, in the order of the scenario's inputs, as in a run.
async fn inputs(scenario: &Scenario, folder: &Path, run: &str, connection: Connection) -> Result<Vec<Input>, Failure> {
    let metadata = tokio::task::spawn_blocking(move || Admin::new(&connection)?.metadata(WITHIN))
        .await
        .map_err(|error| Failure::of(Exit::ToolError, &error))?
        .map_err(|error| Failure::of(Exit::NotReady, &error))?;
    let mut inputs = Vec::new();
    for (name, topic) in &scenario.source.topics {
        let Some(stream) = scenario.traffic.get(name) else { continue };
        let full = topic.name.clone().unwrap_or_else(|| format!("squall-{run}-{name}"));
        let found = metadata.topic(&full).ok_or_else(|| {
            let help = "say an existing topic's `name` in the scenario, or with --run whose topics they are";
            Failure::new(Exit::NotReady, format!("error: topic `{full}` does not exist on the cluster; {help}"))
        })?;
        let mut stream = stream.clone();
        stream.resolve(folder);
        inputs.push(Input { name: name.clone(), topic: full, partitions: found.partitions.len() as u32, stream });
    }
    Ok(inputs)
}

/// Until everything is sent and settled, or somebody stops it.
async fn flow(mut traffic: Traffic, start: Timestamp, stop: &Stop) -> Result<Progress, Failure> {
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.tick().await;
    while !traffic.is_finished() {
        tokio::select! {
            biased;
            _ = stop.wait() => {
                traffic.stop(CLOSE_WITHIN);
                break;
            }
            _ = ticks.tick() => tell(&line(&traffic.progress(), start)),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
    tokio::task::spawn_blocking(|| traffic.join()).await.map_err(|error| Failure::of(Exit::ToolError, &error))
}

fn line(progress: &Progress, start: Timestamp) -> String {
    let mut all = Accounts::default();
    progress.streams.iter().for_each(|stream| all.add(&stream.accounts));
    let at = display::clock(progress.at.seconds_since(start).max(0.0));
    format!("{at:>7}  {} sent, {} in flight, {} unsent\n", display::grouped(all.sent), display::grouped(all.in_flight), all.unsent)
}

fn row<'a>(stream: &'a str, accounts: &'a Accounts, complaint: Option<&'a str>) -> Row<'a> {
    let Accounts { scheduled, sent, unsent, acknowledged, failed, unresolved, in_flight, ref limited_by } = *accounts;
    Row {
        stream,
        scheduled,
        sent,
        unsent,
        acknowledged,
        failed,
        unresolved: unresolved + in_flight,
        limited_by: limited_by.as_deref(),
        complaint,
    }
}

fn table(rows: &[Row<'_>]) -> String {
    let mut text = format!(
        "{:20} {:>14} {:>14} {:>10} {:>14} {:>10} {:>10}\n",
        "", "scheduled", "sent", "unsent", "acknowledged", "failed", "unresolved"
    );
    for row in rows {
        let [scheduled, sent, unsent, acknowledged, failed, unresolved] =
            [row.scheduled, row.sent, row.unsent, row.acknowledged, row.failed, row.unresolved].map(display::grouped);
        text.push_str(&format!(
            "{:20} {scheduled:>14} {sent:>14} {unsent:>10} {acknowledged:>14} {failed:>10} {unresolved:>10}\n",
            row.stream
        ));
        for (what, why) in [("limited by", row.limited_by), ("last trouble", row.complaint)] {
            if let Some(why) = why {
                text.push_str(&format!("  {what}: {why}\n"));
            }
        }
    }
    text
}

/// Inconclusive where the schedule was not kept, or an outcome is not an acknowledgement.
fn exit(progress: &Progress, interrupted: bool) -> Exit {
    let kept = |accounts: &Accounts| accounts.unsent == 0 && accounts.acknowledged == accounts.sent;
    if interrupted {
        Exit::Interrupted
    } else if progress.streams.iter().all(|stream| kept(&stream.accounts)) {
        Exit::Met
    } else {
        Exit::Inconclusive
    }
}
