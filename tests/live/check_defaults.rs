//! `cluster check` on a Flink with default settings: what it warns of is true, and what it advises mends it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use squall::action::{Action, NodeDeed, Role};
use squall::clock;
use squall::cluster::Cluster;
use squall::flink::{Access, JobId, MetricScope, Rest};
use squall::kafka::{Admin, Connection};

use super::foreign::{Foreign, places};
use super::owner::Owner;
use super::shared::{spec, squall_in, succeeded, text};

/// Flink's own defaults, over those that squall gives a local cluster.
const DEFAULTS: &str = "{ taskmanagers: 2, slots: 1, config: { web.refresh-interval: 3 s, rest.cache.checkpoint-statistics.timeout: 3 s, \
    metrics.fetcher.update-interval: 10000, web.checkpoints.history: 10, web.exception-history-size: 16, heartbeat.interval: 10 s, \
    heartbeat.timeout: 50 s, restart-strategy.type: exponential-delay } }";

fn check(home: &Path, file: &Path, topic: &str) -> Value {
    let output = succeeded(squall_in(home).args(["cluster", "check", "--format", "json", "--topic", topic]).arg(file));
    println!("{}", text(&succeeded(squall_in(home).args(["cluster", "check", "--topic", topic]).arg(file))));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn limits(found: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found["limits"].as_array().unwrap().iter().map(|limit| (text(&limit["what"]), text(&limit["mend"]))).collect()
}

#[test]
#[ignore = "./dev qualify clusters"]
fn qualify_warns_of_what_is_true_and_its_advice_mends_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let file = home.join("theirs.yaml");
    let mut advice = Vec::new();
    {
        let foreign = Foreign::start(home.join("defaults"), "it-foreign-defaults", DEFAULTS);
        let owner = Owner::at(&foreign.kafka, &foreign);
        std::fs::write(&file, foreign.file("theirs", "    hosts: [ here ]", "allow: [ everything ]")).unwrap();
        let found = limits(&check(home, &file, "theirs-out"));
        for wanted in [
            "web.refresh-interval is 3s",
            "rest.cache.checkpoint-statistics.timeout is 3s",
            "metrics.fetcher.update-interval is 10s",
            "web.checkpoints.history is 10",
            "web.exception-history-size is 16",
            "heartbeat.timeout is 50s",
            "heartbeat.interval is 10s",
            "restart-strategy.type is exponential-delay",
            "0 of 2 slots are free",
            "message.timestamp.type of topic theirs-out is CreateTime",
        ] {
            assert!(found.iter().any(|(what, _)| what.starts_with(wanted)), "no `{wanted}` in {found:?}");
        }
        truths(home, &foreign, &owner);
        advice.extend(found);
    }
    // Every setting that it advises, as it is written there; a TaskManager more; the topic as it says.
    let settings: BTreeSet<&str> = advice
        .iter()
        .flat_map(|(_, mend)| mend.split('`').skip(1).step_by(2))
        .filter(|setting| setting.contains(": ") && !setting.starts_with("execution."))
        .collect();
    let settings: Vec<&str> = settings.into_iter().collect();
    let mended = format!("{{ taskmanagers: 3, slots: 1, config: {{ {} }} }}", settings.join(", "));
    println!("{mended}");
    let foreign = Foreign::start(home.join("mended"), "it-foreign-mended", &mended);
    let _owner = Owner::at(&foreign.kafka, &foreign);
    let admin = Admin::new(&Connection::plain(&foreign.kafka)).unwrap();
    admin.set_topic_config("theirs-out", "message.timestamp.type", Some("LogAppendTime"), Duration::from_secs(30)).unwrap();
    std::fs::write(&file, foreign.file("theirs", "    hosts: [ here ]", "")).unwrap();
    let left: Vec<_> = limits(&check(home, &file, "theirs-out")).into_iter().filter(|(what, _)| !what.starts_with("job ")).collect();
    assert_eq!(left, []);
}

/// Looks at the world for each warning.
fn truths(home: &Path, foreign: &Foreign, owner: &Owner) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let rest = Rest::new(&Access::to([foreign.flink.as_str()]), Path::new("")).unwrap();
        let job = rest.jobs().await.unwrap().value.into_iter().find(|job| job.name == "theirs").unwrap().id;
        metrics_stand_still(&rest).await;
        checkpoints_are_cached_and_forgotten(&rest, &job).await;
        states_are_cached(&rest, &job).await;

        // The default strategy is at work: Flink says so of the job.
        let config = format!("{}/jobs/{job}/config", foreign.flink);
        let config = succeeded(std::process::Command::new("curl").args(["-s", &config]));
        assert!(text(&config).to_lowercase().contains("exponential"), "{}", text(&config));

        // A silent TaskManager is registered for as long as the time-out says.
        let spec = spec(&foreign.file("theirs", "    hosts: [ here ]", "allow: [ everything ]"));
        let cluster = Cluster::attach(&spec, &places(home)).await.unwrap();
        let victim = cluster.view().await.unwrap().into_iter().find(|status| status.node.role == Role::Taskmanager).unwrap().node;
        let freeze = Action::Node { node: victim.clone(), deed: NodeDeed::Freeze };
        let began = cluster.perform(&freeze, Some(Duration::from_secs(120))).await.unwrap().at;
        let there = || async { rest.taskmanagers().await.unwrap().iter().any(|taskmanager| taskmanager.id == victim.name) };
        while there().await {
            assert!(clock::now().seconds_since(began) < 120.0);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let noticed = clock::now().seconds_since(began);
        println!("a frozen TaskManager was noticed after {noticed:.1} s");
        assert!(noticed > 35.0, "{noticed}");
        cluster.undo(&squall::action::Inverse::Thaw { node: victim }).await.ok();
    });
    drop(runtime);
    owner.assert_topics();
}

async fn metrics_stand_still(rest: &Rest) {
    let id = rest.taskmanagers().await.unwrap().value[0].id.clone();
    let names = ["Status.JVM.CPU.Time".to_owned()];
    let scope = MetricScope::TaskManager(id);
    let mut values = Vec::new();
    for _ in 0..12 {
        values.push(rest.metrics(&scope, &names).await.unwrap().number("Status.JVM.CPU.Time"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let changes = values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    println!("CPU time of a busy JVM over 12 s: {changes} changes");
    assert!(changes <= 3, "{values:?}");
}

async fn checkpoints_are_cached_and_forgotten(rest: &Rest, job: &JobId) {
    let mut counts = Vec::new();
    let began = clock::now();
    loop {
        let checkpoints = rest.checkpoints(job).await.unwrap().value;
        assert!(checkpoints.history.len() <= 10 + 1, "{}", checkpoints.history.len());
        if counts.last() != Some(&checkpoints.counts.total) {
            counts.push(checkpoints.counts.total);
        }
        // A checkpoint every two seconds: seen in steps, and the first are gone.
        if checkpoints.counts.completed > 12 {
            assert!(checkpoints.history.iter().all(|checkpoint| checkpoint.id > 1));
            break;
        }
        assert!(clock::now().seconds_since(began) < 120.0);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("numbers of checkpoints that were seen: {counts:?}");
    assert!(counts.windows(2).any(|pair| pair[1] - pair[0] > 1), "a cache of 3 s leaves some out: {counts:?}");
}

async fn states_are_cached(rest: &Rest, job: &JobId) {
    // A look fills the cache; the job's end right after it is not seen there for a while.
    let before = rest.job(job).await.unwrap().value.state;
    rest.cancel(job).await.unwrap();
    while !rest.job_state(job).await.unwrap().value.is_terminal() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = clock::now();
    let mut stale = 0.0;
    while !rest.job(job).await.unwrap().value.state.is_terminal() {
        stale = clock::now().seconds_since(ended);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("job {before} was told {stale:.1} s after its end");
    assert!(stale > 0.3, "{stale}");
}
