use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::action::{Action, Identity, JobView, LinkEffect, LinkView, Node, NodeView, Role, SubtaskView, TopicView, VertexView};

/// Three TaskManagers; `tm-2` and `tm-3` carry a subtask each, `tm-1` is idle.
fn view() -> View {
    let node = |role, name: &str, subtasks: Vec<SubtaskView>| NodeView {
        node: Node { role, name: name.to_owned(), identity: Identity::Process { pid: 10, start_ticks: 20, host: None } },
        flink_id: Some(name.to_owned()),
        slots: 2,
        free_slots: 2 - subtasks.len() as u32,
        leader: false,
        subtasks,
    };
    let subtask = |index| SubtaskView { vertex: "v".into(), name: "KafkaSource -> Sink: Writer".into(), index };
    View {
        nodes: vec![
            node(Role::Taskmanager, "tm-1", vec![]),
            node(Role::Taskmanager, "tm-2", vec![subtask(0)]),
            node(Role::Taskmanager, "tm-3", vec![subtask(1)]),
            node(Role::Jobmanager, "jm-1", vec![]),
            node(Role::Broker, "broker-1", vec![]),
        ],
        job: Some(JobView {
            id: "j".into(),
            name: "enrich".into(),
            state: "RUNNING".into(),
            vertices: vec![VertexView { id: "v".into(), name: "KafkaSource".into(), parallelism: 2 }],
        }),
        links: vec![LinkView { name: "sink".into(), connections: 3 }],
        topics: vec![TopicView {
            name: "orders".into(),
            stream: "orders".into(),
            input: true,
            partitions: 4,
            records: crate::units::Count(0),
        }],
        checkpoint_storage: None,
    }
}

fn aim(yaml: &str, seed: u64) -> Result<Aim, NoTarget> {
    spec(yaml).aim(&view(), &mut StdRng::seed_from_u64(seed))
}

fn spec(yaml: &str) -> FaultSpec {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

fn victims(aim: &Aim) -> Vec<String> {
    aim.steps
        .iter()
        .map(|step| match &step.action {
            Action::Node { node, .. } => node.name.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_kill_never_takes_an_idle_taskmanager_while_others_work() {
    for seed in 0..50 {
        let name = victims(&aim("kill-taskmanager: { count: 1, restart-after: 5s }", seed).unwrap());
        assert!(name == ["tm-2"] || name == ["tm-3"]);
    }
    assert_eq!(victims(&aim("kill-taskmanager: { count: 3 }", 1).unwrap()), ["tm-1", "tm-2", "tm-3"]);
    assert_eq!(victims(&aim("kill-taskmanager: { holds-no-slot: true }", 1).unwrap()), ["tm-1"]);
    assert_eq!(victims(&aim("kill-taskmanager: { runs: { operator: Sink, subtask: 1 } }", 1).unwrap()), ["tm-3"]);
    assert_eq!(victims(&aim("kill-taskmanager: { share: 50% }", 1).unwrap()).len(), 2);
    assert_eq!(aim("kill-taskmanager: { count: 4 }", 1).unwrap_err().0, "3 of 3 TaskManagers fit, 4 wanted");
    assert!(aim("kill-taskmanager: { runs: { operator: Window } }", 1).is_err());
    // Names match exactly: `tm-1` is not `tm-12`.
    assert!(aim("kill-taskmanager: { id: tm }", 1).is_err());
}

#[test]
fn the_same_seed_aims_the_same() {
    for fault in ["kill-taskmanager: {}", "freeze-taskmanager: { for: 5s }", "kill-broker: {}"] {
        assert_eq!(aim(fault, 7), aim(fault, 7));
    }
    let chosen: std::collections::BTreeSet<_> = (0..50).map(|seed| victims(&aim("kill-taskmanager: {}", seed).unwrap())).collect();
    assert_eq!(chosen.len(), 2, "the seed chooses");
}

#[test]
fn each_of_the_busy_is_chosen_as_often_as_the_other() {
    const DRAWS: u64 = 10_000;
    let fault = spec("kill-taskmanager: {}");
    let view = view();
    let mut rng = StdRng::seed_from_u64(11);
    let first = (0..DRAWS).filter(|_| victims(&fault.aim(&view, &mut rng).unwrap()) == ["tm-2"]).count() as f64;
    // Six standard deviations of a fair coin.
    assert!((first - 5_000.0).abs() <= 6.0 * 50.0, "{first}");
    // A share is not left to chance: it is rounded up, and all of them are all.
    for (share, hit) in [("1%", 1), ("34%", 2), ("67%", 3), ("100%", 3)] {
        for seed in 0..100 {
            assert_eq!(victims(&aim(&format!("kill-taskmanager: {{ share: {share} }}"), seed).unwrap()).len(), hit, "{share}");
        }
    }
    assert_eq!(spec("kill-taskmanager: { share: 0% }").problems()[0].0, "share");
}

#[test]
fn links_and_traffic_say_what_they_change() {
    let delay = aim("delay-sink: { add: 250ms, for: 30s }", 1).unwrap();
    assert!(delay.held);
    assert!(
        matches!(&delay.steps[0].action, Action::Link { link, rule } if link == "sink" && matches!(rule.effect, LinkEffect::Delay { .. }))
    );
    assert!(delay.steps[0].inverse.is_some());
    assert!(aim("delay-source: { add: 250ms, for: 30s }", 1).unwrap_err().0.contains("does not pass through a proxy"));
    let held = aim("hold-commits: { for: 8s }", 1).unwrap();
    assert!(
        matches!(&held.steps[0].action, Action::Link { link, rule } if link == "sink" && rule.effect == LinkEffect::HoldRequest { api_key: 26 })
    );
    assert!(aim("skew-keys: { share: 80%, for: 30s }", 1).unwrap().target.contains("orders"));
    assert!(aim("skew-keys: { stream: clicks, share: 80%, for: 30s }", 1).is_err());
    assert!(aim("add-partitions: { total: 2 }", 1).is_err());
    assert!(aim("add-partitions: { total: 8 }", 1).is_ok());
    assert!(aim("stop-and-restore: { parallelism: 1 }", 1).is_ok());
    assert!(aim("checkpoint-storage-full: { for: 5s }", 1).unwrap_err().0.contains("say `path`"));
}

#[test]
fn a_crash_loop_strikes_whoever_came_back() {
    let fault = spec("crash-loop-taskmanager: { times: 3, for: 1m }");
    assert_eq!((fault.rounds(), fault.undo_after(), fault.held()), (3, Some(Duration::from_secs(1)), true));
    assert_eq!(victims(&aim("crash-loop-taskmanager: { runs: { operator: Sink, subtask: 1 }, times: 3, for: 1m }", 1).unwrap()), ["tm-3"]);
    let before = view();
    let mut now = view();
    assert_eq!(fault.again(&before, &now), Err(NoTarget("no TaskManager came back".to_owned())));
    now.nodes.retain(|node| node.node.name != "tm-3");
    now.nodes.push(NodeView { node: Node { name: "tm-4".into(), ..before.nodes[2].node.clone() }, ..before.nodes[2].clone() });
    assert_eq!(victims(&fault.again(&before, &now).unwrap()), ["tm-4"]);
    // Under its old name, as another process.
    let mut again = view();
    again.nodes[3].node.identity = Identity::Process { pid: 11, start_ticks: 21, host: None };
    assert_eq!(victims(&spec("crash-loop-jobmanager: { times: 2, for: 1m }").again(&before, &again).unwrap()), ["jm-1"]);
    assert!(spec("kill-taskmanager: {}").again(&before, &now).is_err());
    assert_eq!(spec("crash-loop-broker: { times: 1, for: 1m }").problems()[0].0, "times");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let problem = |yaml: &str| spec(yaml).problems();
    assert_eq!(problem("skew-keys: { share: 120%, for: 30s }")[0].0, "share");
    assert_eq!(problem("surge: { factor: 0, for: 30s }")[0].0, "factor");
    assert_eq!(problem("kill-taskmanager: { count: 0 }")[0].0, "count");
    assert_eq!(problem("kill-taskmanager: { id: tm-1, share: 10% }")[0].0, "id");
    assert!(problem("kill-taskmanager: { count: 2, runs: { operator: Sink } }").is_empty());
    assert_eq!(problem("delay-sink: { add: 0s, for: 1s }")[0].0, "add");
}

#[test]
fn every_kind_is_named_as_it_is_written() {
    for (kind, about) in FaultSpec::KINDS {
        assert!(!about.trim().is_empty(), "{kind}");
        let error = serde_yaml::with::singleton_map_recursive::deserialize::<FaultSpec, _>(serde_yaml::Deserializer::from_str(&format!(
            "{kind}: 1"
        )));
        assert!(!error.unwrap_err().to_string().contains("unknown variant"), "{kind}");
    }
}
