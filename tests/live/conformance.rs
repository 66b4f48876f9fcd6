//! Every ability that a kind of cluster claims: performed, witnessed, undone, and undone once more.

use std::path::Path;
use std::time::Duration;

use squall::action::{Ability, Action, Direction, Distribution, Inverse, LinkEffect, LinkRule, Node, NodeDeed, Role, Witness};
use squall::clock;
use squall::cluster::{Cluster, NodeStatus};
use squall::flink::Rest;
use squall::units::{Bytes, Duration as Length, Ratio};

use super::foreign::places;
use super::shared::{SOON, spec};

/// One ability as it went.
#[derive(Debug)]
pub struct Row {
    pub ability: String,
    /// What was done, seen and taken back.
    pub what: Vec<String>,
    /// From the deed to the end of its undo.
    pub took_s: f64,
}

/// The local kind. An idle node needs no memory, and is not killed for want of it: `tests/it/local_cluster.rs` squeezes a busy one.
#[test]
#[ignore = "./dev qualify clusters"]
fn qualify_local() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let spec = spec(
        "{ name: it-conform, environment: test, kind: { local: { flink: { taskmanagers: 2, config: { heartbeat.interval: 1s, heartbeat.timeout: 6s } } } }, allow: [ everything ] }",
    );
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let cluster = Cluster::up(&spec, &places, &|line| println!("{line}")).await.unwrap();
        let rows = conform_in(&cluster, |ability| !matches!(ability, Ability::SqueezeNode(_))).await;
        keep("local", &rows);
        squall::cluster::down(&spec, &places, &|line| println!("{line}")).await.unwrap();
    });
}

/// What was seen, for `./dev qualify clusters` to keep.
pub fn keep(of: &str, rows: &[Row]) {
    let Some(folder) = std::env::var_os("SQUALL_QUALIFY") else { return };
    let mut text = format!(
        "## Conformance: {of}\n\n| ability | done | seen | undone | deed to undo, with what lies between |\n|---|---|---|---|---|\n"
    );
    for row in rows {
        text += &format!("| {} | {} | {:.1} s |\n", row.ability, row.what.join(" | "), row.took_s);
    }
    std::fs::write(Path::new(&folder).join(format!("conformance-{}.md", of.replace([' ', ','], "-"))), text).unwrap();
}

/// Performs them all, one after the other, each on a cluster that is whole.
pub async fn conform(cluster: &Cluster) -> Vec<Row> {
    conform_in(cluster, |_| true).await
}

/// The same with some of them.
pub async fn conform_in(cluster: &Cluster, wanted: impl Fn(Ability) -> bool) -> Vec<Row> {
    let whole = cluster.view().await.unwrap();
    assert!(whole.iter().all(is_well), "{whole:?}");
    let mut rows = Vec::new();
    for ability in cluster.abilities().into_iter().filter(|ability| wanted(*ability)) {
        let began = clock::now();
        let what = match ability {
            Ability::KillNode(role) => ended(cluster, role, NodeDeed::Kill).await,
            Ability::TerminateNode(role) => ended(cluster, role, NodeDeed::Terminate).await,
            Ability::SqueezeNode(role) => squeezed(cluster, role).await,
            Ability::FreezeNode(role) => {
                held(cluster, role, NodeDeed::Freeze, |node| (Witness::Frozen { node: node.clone() }, Inverse::Thaw { node })).await
            }
            Ability::SlowNode(role) => {
                let share = Ratio(0.05);
                let both = |node: Node| (Witness::CpuShare { node: node.clone(), share }, Inverse::FullSpeed { node });
                held(cluster, role, NodeDeed::SlowCpu { share }, both).await
            }
            Ability::DisconnectNode(role) => {
                let both = |node: Node| (Witness::Disconnected { node: node.clone() }, Inverse::Reconnect { node });
                held(cluster, role, NodeDeed::Disconnect, both).await
            }
            Ability::LinkRules => delayed(cluster).await,
            // Shown by the kills: nothing else starts a node.
            Ability::StartNode(_) => continue,
            // Through Flink's REST, whatever the kind.
            Ability::RescaleJob => continue,
            Ability::ChangeTraffic | Ability::ChangeTopics | Ability::ChangeJob | Ability::ChangeStorage => {
                panic!("{ability:?} is the engine's")
            }
        };
        let row = Row { ability: format!("{ability:?}"), what, took_s: clock::now().seconds_since(began) };
        println!("{:.1} s {row:?}", row.took_s);
        rows.push(row);
        whole_again(cluster, &whole).await;
    }
    rows
}

fn is_well(status: &NodeStatus) -> bool {
    status.alive && !status.frozen
}

/// As many nodes of each role as before, all of them well, and Flink knows its TaskManagers.
async fn whole_again(cluster: &Cluster, before: &[NodeStatus]) {
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).unwrap();
    let count = |view: &[NodeStatus], role| view.iter().filter(|status| status.node.role == role && is_well(status)).count();
    let end = clock::now().plus(SOON);
    loop {
        let view = cluster.view().await.unwrap();
        let roles = [Role::Taskmanager, Role::Jobmanager, Role::Broker, Role::Gateway];
        let same = roles.into_iter().all(|role| count(&view, role) == count(before, role)) && view.iter().all(is_well);
        let registered = rest.taskmanagers().await.map(|answer| answer.value.len()).unwrap_or(0);
        if same && registered == count(before, Role::Taskmanager) {
            return;
        }
        assert!(!end.remaining().is_zero(), "{registered} registered, {view:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn first(cluster: &Cluster, role: Role) -> Node {
    cluster.view().await.unwrap().into_iter().find(|status| status.node.role == role && is_well(status)).unwrap().node
}

async fn undo_twice(cluster: &Cluster, inverse: &Inverse) -> String {
    let undone = cluster.undo(inverse).await.unwrap();
    assert!(undone.changed, "{}", undone.what);
    let again = cluster.undo(inverse).await.unwrap();
    assert!(!again.changed, "{}", again.what);
    undone.what
}

async fn ended(cluster: &Cluster, role: Role, deed: NodeDeed) -> Vec<String> {
    let node = first(cluster, role).await;
    let action = Action::Node { node: node.clone(), deed };
    let done = cluster.perform(&action, None).await.unwrap();
    let testimony = cluster.witness(&Witness::Gone { node: node.clone() }).await.unwrap();
    assert!(testimony.acted, "{}", testimony.what);
    assert!(cluster.perform(&action, None).await.is_err(), "a dead one cannot be ended again");
    vec![done.what, testimony.what, undo_twice(cluster, &Inverse::StartReplacement { node }).await]
}

async fn held(cluster: &Cluster, role: Role, deed: NodeDeed, both: impl Fn(Node) -> (Witness, Inverse)) -> Vec<String> {
    let node = first(cluster, role).await;
    let (witness, inverse) = both(node.clone());
    let done = cluster.perform(&Action::Node { node, deed }, Some(Duration::from_secs(60))).await.unwrap();
    let testimony = cluster.witness(&witness).await.unwrap();
    assert!(testimony.acted, "{}", testimony.what);
    let undone = undo_twice(cluster, &inverse).await;
    let after = cluster.witness(&witness).await.unwrap();
    assert!(!after.acted, "it still holds: {}", after.what);
    vec![done.what, testimony.what, undone]
}

/// The kernel kills a squeezed node when it next asks for memory.
async fn squeezed(cluster: &Cluster, role: Role) -> Vec<String> {
    let node = first(cluster, role).await;
    let action = Action::Node { node: node.clone(), deed: NodeDeed::LimitMemory { headroom: Bytes(1 << 20) } };
    let done = cluster.perform(&action, None).await.unwrap();
    let testimony = cluster.witness(&Witness::Gone { node: node.clone() }).await.unwrap();
    assert!(testimony.acted, "{}", testimony.what);
    vec![done.what, testimony.what, undo_twice(cluster, &Inverse::RestoreMemory { node, limit: None }).await]
}

async fn delayed(cluster: &Cluster) -> Vec<String> {
    let delay = LinkEffect::Delay { add: Length::from_millis(300), jitter: Length::ZERO, distribution: Distribution::Uniform };
    let action = Action::Link { link: "sink".into(), rule: LinkRule { direction: Direction::Upstream, effect: delay } };
    let done = cluster.perform(&action, None).await.unwrap();
    let sink = cluster.addresses().kafka.sink.clone();
    let began = clock::now();
    tokio::task::spawn_blocking(move || sink.check(Duration::from_secs(30))).await.unwrap().unwrap();
    let took = clock::now().seconds_since(began);
    assert!(took >= 0.6, "several requests, each 0.3 s later: {took} s");
    let testimony = cluster.witness(&Witness::LinkCounters { link: "sink".into() }).await.unwrap();
    assert!(testimony.acted, "{}", testimony.what);
    vec![done.what, testimony.what, undo_twice(cluster, &Inverse::RemoveRule { link: "sink".into() }).await]
}
