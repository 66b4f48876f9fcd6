use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Because, Offer, Plan, Refusal, Trigger, describe, plan, within_hours};
use crate::action::{Ability, Role};
use crate::cluster::ClusterSpec;
use crate::diagnostic::Source;
use crate::scenario::check;
use crate::scenario::yaml::load;

const SCENARIO: &str = include_str!("../../scenarios/taskmanager-loss.yaml");
const CLUSTER: &str = include_str!("../../scenarios/clusters/local.yaml");
const KILL: &str = "kill-taskmanager: { count: 1, restart-after: 5s }";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn offer() -> Offer {
    let nodes = [Role::Taskmanager, Role::Jobmanager, Role::Broker]
        .into_iter()
        .flat_map(|role| [Ability::KillNode(role), Ability::TerminateNode(role), Ability::StartNode(role), Ability::FreezeNode(role)]);
    let rest = [Ability::LinkRules, Ability::ChangeTraffic, Ability::ChangeTopics, Ability::ChangeJob];
    Offer {
        kind: "local".to_owned(),
        abilities: nodes.chain(rest).collect(),
        links: ["sink", "source"].map(str::to_owned).into(),
        with: [(Ability::ChangeStorage, "a disk of its own".to_owned())].into(),
        link_advice: None,
        elsewhere: vec![("containers".to_owned(), BTreeSet::from([Ability::SlowNode(Role::Taskmanager)]))],
    }
}

fn planned(scenario: &str, cluster: &str, seed: u64) -> Result<Plan, Refusal> {
    let (checked, report) = check(&Source::new("s.yaml", scenario), &folder());
    let Some(checked) = checked else { unreachable!("{report}") };
    let (cluster, report) = load::<ClusterSpec>(&Source::new("c.yaml", cluster));
    let Some(cluster) = cluster else { unreachable!("{report}") };
    plan(&checked, &folder(), &cluster, &offer(), seed)
}

fn refusal(scenario: &[(&str, &str)], cluster: &[(&str, &str)]) -> (Because, Vec<String>) {
    let replaced = |text: &str, changes: &[(&str, &str)]| {
        changes.iter().fold(text.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replacen(old, new, 1)
        })
    };
    let refusal = planned(&replaced(SCENARIO, scenario), &replaced(CLUSTER, cluster), 1).unwrap_err();
    (refusal.because, refusal.report.problems().iter().map(|problem| problem.title().to_owned()).collect())
}

#[test]
fn the_same_seed_gives_the_same_plan_byte_for_byte() {
    let jittered = SCENARIO.replace("at: 45s", "every: 40s, from: 45s, jitter: 5s").replace("< 60s", "< 20s");
    let bytes = |seed| serde_json::to_string(&planned(&jittered, CLUSTER, seed).unwrap()).unwrap();
    assert_eq!(bytes(42), bytes(42));
    assert_ne!(bytes(42), bytes(43));
    let plan = planned(&jittered, CLUSTER, 42).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&bytes(42)).unwrap(), plan);
    let times: Vec<f64> =
        plan.timeline.iter().map(|fault| if let Trigger::At(at) = fault.trigger { at.seconds() } else { f64::NAN }).collect();
    assert_eq!(times.len(), 2);
    assert!((times[0] - 45.0).abs() <= 5.0 && (times[1] - 85.0).abs() <= 5.0 && times[0] != 45.0, "{times:?}");
}

#[test]
fn queries_need_a_prometheus() {
    let queries = SCENARIO.replace("expect:\n", "queries: { lag: { promql: sum(lag), unit: records } }\nexpect:\n");
    let refused = planned(&queries, CLUSTER, 1).unwrap_err();
    let said = refused.report.to_string();
    assert!(said.contains("nobody can answer the query `lag`") && said.contains("prometheus: { addresses:"), "{said}");
    assert_eq!(refused.because, Because::Impossible);
    let plan = planned(&queries, &format!("{CLUSTER}prometheus: {{ addresses: [ \"http://p:9090\" ] }}\n"), 1).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
}

#[test]
fn what_is_sent_follows_the_schedule_and_its_surges() {
    let plan = planned(SCENARIO, CLUSTER, 1).unwrap();
    assert_eq!((plan.streams[0].records.0, plan.streams[0].bytes.unwrap().0), (240_000, 240_000 * 512));
    let surge = planned(&SCENARIO.replace(KILL, "surge: { factor: 3, for: 10s }").replace("< 60s", "< 50s"), CLUSTER, 1).unwrap();
    assert_eq!((surge.streams[0].records.0, surge.streams[0].peak.0), (280_000, 6000.0));
    let stopped = planned(&SCENARIO.replace(KILL, "stop-traffic: { for: 10s }").replace("< 60s", "< 50s"), CLUSTER, 1).unwrap();
    assert_eq!((stopped.streams[0].records.0, stopped.streams[0].peak.0), (220_000, 2000.0));
}

#[test]
fn what_a_kind_can_never_do_is_said_before_the_start() {
    let (because, titles) = refusal(&[(KILL, "slow-taskmanager: { share: 50%, to: 10%, for: 20s }"), ("< 60s", "< 50s")], &[]);
    assert_eq!((because, titles), (Because::Impossible, vec!["a cluster of kind `local` cannot do `slow-taskmanager`".to_owned()]));
    let full = SCENARIO.replace(KILL, "checkpoint-storage-full: { for: 5s }").replace("< 60s", "< 50s");
    let refusal_text = planned(&full, CLUSTER, 1).unwrap_err().report.render(false);
    assert!(refusal_text.contains("this cluster of kind `local` cannot do") && refusal_text.contains("it could with a disk of its own"));
    let (_, titles) = refusal(&[(KILL, "cut-link: { link: generator, for: 5s }"), ("< 60s", "< 50s")], &[]);
    assert_eq!(titles, ["no proxy carries the link `generator` of this cluster"]);
}

#[test]
fn sql_takes_a_gateway() {
    let local = CLUSTER.lines().find(|line| line.starts_with("kind:")).unwrap();
    let external = "kind: { external: { kafka: { bootstrap: \"127.0.0.1:9092\" }, flink: { addresses: [ \"http://127.0.0.1:8081\" ] } } }";
    let (because, titles) = refusal(&[], &[(local, external)]);
    assert_eq!(because, Because::Impossible);
    assert!(titles.contains(&"the cluster `laptop` has no SQL gateway".to_owned()), "{titles:?}");
}

#[test]
fn every_limit_of_the_owner_is_held_against_the_scenario() {
    for (scenario, cluster, title) in [
        (&[][..], &[("allow: [ everything ]", "allow: [ delay-sink ]")][..], "`kill-taskmanager` is not allowed on `laptop`"),
        (&[], &[("allow: [ everything ]\n", "")], "`kill-taskmanager` is not allowed on `laptop`"),
        (
            &[("count: 1", "count: 2")],
            &[("[ everything ]", "[ { kill-taskmanager: { at-most: 1 } } ]"), ("keep-at-least: { taskmanagers: 1 }", "")],
            "`kill-taskmanager` on 2 at once is not allowed on `laptop`",
        ),
        (&[("count: 1", "count: 2")], &[], "0 TaskManagers would stay, 1 must"),
        (&[], &[("allow:", "max-rate: 1k/s\nallow:")], "2k/s is more than the 1k/s that may be sent"),
        (&[], &[("allow:", "max-duration: 2m\nallow:")], "3m is longer than the 2m that a run may take"),
        (
            &[("{ orders: { partitions: 4 } }", "{ orders: { name: billing-eu } }")],
            &[("allow:", "protect: [ \"billing-*\" ]\nallow:")],
            "topic `billing-eu` is protected",
        ),
        (
            &[("{ orders: { partitions: 4 } }", "{ orders: { name: billing-eu } }")],
            &[],
            "topic `billing-eu` is not squall's, and not lent to it",
        ),
        (
            &[("{ orders: { partitions: 4 } }", "{ orders: { name: billing-eu } }"), (KILL, "delete-records: { keep: 10 }")],
            &[("allow:", "writable-topics: [ \"billing-*\" ]\nallow:")],
            "every consumer group of `billing-eu` would meet the fault, not only ours",
        ),
        (
            &[],
            &[("environment: test", "environment: production")],
            "`kill-taskmanager` does not end by itself should squall and its guard both die",
        ),
    ] {
        let (because, titles) = refusal(scenario, cluster);
        assert_eq!((because, titles.as_slice()), (Because::NotAllowed, &[title.to_owned()][..]));
    }
}

#[test]
fn the_end_of_the_only_jobmanager_is_foreseen() {
    let text = SCENARIO.replace(KILL, "kill-jobmanager: { restart-after: 5s }");
    let plan = planned(&text, CLUSTER, 1).unwrap();
    assert_eq!(plan.warnings, ["`lose-one` ends the only JobManager: the job will be lost"]);
    assert!(describe(&plan).contains("warning   `lose-one` ends the only JobManager"));
    assert!(planned(SCENARIO, CLUSTER, 1).unwrap().warnings.is_empty());
}

#[test]
fn a_crash_loop_takes_its_node_away_until_it_is_over() {
    let looping = SCENARIO.replace(KILL, "crash-loop-taskmanager: { times: 3, restart-after: 1s, for: 20s }").replace("< 60s", "< 50s");
    assert!(planned(&looping, CLUSTER, 1).is_ok());
    let second = "  - { at: 55s, name: lose-two, inject: { kill-taskmanager: { count: 1 } } }\nexpect:";
    let both = looping.replace("expect:", second).replace("  - recovery-time of lose-one < 50s\n", "");
    assert_eq!(planned(&both, CLUSTER, 1).unwrap_err().report.problems()[0].title(), "0 TaskManagers would stay, 1 must");
}

#[test]
fn overlapping_faults_take_nodes_away_together() {
    let second = "  - { at: 47s, name: lose-two, inject: { kill-taskmanager: { count: 1 } } }\nexpect:";
    let both = [("expect:", second), ("  - recovery-time of lose-one < 60s\n", "")];
    assert_eq!(refusal(&both, &[]).1, ["0 TaskManagers would stay, 1 must"]);
    let later = [("expect:", second.replace("47s", "80s")), ("  - recovery-time of lose-one < 60s\n", String::new())];
    let later = later.iter().fold(SCENARIO.to_owned(), |text, (old, new)| text.replacen(old, new, 1));
    assert!(planned(&later, CLUSTER, 1).is_ok());
}

#[test]
fn the_owners_reason_and_line_are_shown() {
    let cluster = CLUSTER.replace("[ everything ]", "[ delay-sink ]\nreason: ask the platform team first");
    let refusal = planned(SCENARIO, &cluster, 1).unwrap_err();
    insta::assert_snapshot!(refusal.report.render(false), @r"
    error: `kill-taskmanager` is not allowed on `laptop`
      --> s.yaml:15:42
       |
    15 |   - { at: 45s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 5s } } }
       |                                          ^^^^^^^^^^^^^^^^
       |
      ::: c.yaml:6:1
       |
     6 | allow: [ delay-sink ]
       | ----- not among these
       |
       = note: the owner says: ask the platform team first
       = help: the owner of the cluster file can add `{ kill-taskmanager: {} }` to `allow`
    ");
}

#[test]
fn a_plan_reads_well() {
    let scenario = SCENARIO.replace(
        "expect:\n",
        "  - { when: { recovered: lose-one, then: 10s }, name: slow, inject: { delay-sink: { add: 1s, for: 5s } } }\nexpect:\n",
    );
    let hours = "hours: [ { days: [ mon, fri ], from: \"08:00\", to: \"17:30\", zone: Europe/Berlin } ]";
    let cluster = CLUSTER.replace("allow:", &format!("max-rate: 10k/s\n{hours}\nallow:"));
    insta::assert_snapshot!(describe(&planned(&scenario, &cluster, 42).unwrap()), @r"
    scenario  taskmanager-loss      cluster  laptop (local)      seed 42
    traffic   2m, then draining for at most 1m
              orders: 240,000 records, 117 MiB, up to 2.00 k/s
       0:45   lose-one: kill-taskmanager on one TaskManager, chosen when it fires
              undo: start a TaskManager in its place, unless somebody else did, after 5s; no expiry: squall, its guard or `squall undo` does it
       when   slow: delay-sink on the link sink
              10s after lose-one is recovered from, from 34s on for 1m26s
              undo: remove the rule from the link sink, after 5s; expires by itself
    expect    recovery-time of lose-one < 60s
    expect    max(output-lag) under lose-one < 100k
    expect    delivery == exactly-once
    expect    failed-checkpoints <= 2
    expect    unexplained-restarts == 0
    expect    job == RUNNING
    abort     output-lag > 5M for 30s
    limit     allow: kill-taskmanager, delay-sink
    limit     keep-at-least: 1 of 2 TaskManagers (1 stay)
    limit     max-rate: 10k/s (2k/s at most)
    limit     hours: mon fri 08:00 to 17:30 Europe/Berlin (looked at when the run starts)
    harm      at worst lose-one kills TaskManagers: their subtasks stop, the job restarts from its last checkpoint
    ");
}

#[test]
fn hours_are_held_against_the_clock_at_the_start() {
    let hours =
        "hours: [ { days: [ fri ], from: \"08:00\", to: \"17:30\", zone: Europe/Berlin } ]\nreason: the trading floor is open else\n";
    let plan = planned(SCENARIO, CLUSTER, 1).unwrap();
    let (cluster, _) = load::<ClusterSpec>(&Source::new("c.yaml", format!("{CLUSTER}{hours}")));
    let cluster = cluster.unwrap();
    assert!(within_hours(&plan, &cluster, "2026-11-20T10:00:00Z".parse().unwrap()).is_ok());
    // Two minutes of traffic and one of draining: it would begin within, and end outside.
    let refusal = within_hours(&plan, &cluster, "2026-11-20T16:28:00Z".parse().unwrap()).unwrap_err();
    assert_eq!(refusal.because, Because::NotAllowed);
    insta::assert_snapshot!(refusal.report.render(false), @r#"
    error: a run of 3m from now on is not within the hours of `laptop`
     --> c.yaml:8:1
      |
    8 | hours: [ { days: [ fri ], from: "08:00", to: "17:30", zone: Europe/Berlin } ]
      | ^^^^^ runs are allowed in these
      |
      = note: the owner says: the trading floor is open else
    "#);
}
