//! A local cluster, on the real thing: every node and link that it claims to know how to act on.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use squall::action::{Action, Inverse, Node, NodeDeed, Role, Witness};
use squall::cluster::{Cluster, ClusterSpec, LocalPhase, NodeStatus, Places, down, local_status};
use squall::flink::Rest;

/// The jars come from the user's cache; all else is the test's own.
fn places(state: &Path) -> Places {
    Places { state: state.join("state"), squall: env!("CARGO_BIN_EXE_squall").into(), ..Places::from_env().unwrap() }
}

fn spec(yaml: &str) -> ClusterSpec {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

fn tell(line: &str) {
    eprintln!("  {line}");
}

fn of_role(view: &[NodeStatus], role: Role) -> Vec<Node> {
    view.iter().filter(|status| status.node.role == role).map(|status| status.node.clone()).collect()
}

/// Every address of the cluster, so that a test can see that nobody listens there.
fn ports(cluster: &Cluster) -> Vec<String> {
    let addresses = cluster.addresses();
    let kafka = [&addresses.kafka.harness, &addresses.kafka.source, &addresses.kafka.sink, &addresses.kafka.generator];
    let kafka = kafka.into_iter().flat_map(|connection| connection.bootstrap.split(',').map(str::to_owned));
    let http = addresses.flink.addresses.iter().chain(addresses.gateway.iter().flat_map(|gateway| &gateway.addresses));
    kafka.chain(http.map(|url| url.trim_start_matches("http://").to_owned())).collect()
}

fn pids(view: &[NodeStatus]) -> Vec<String> {
    let pid = |status: &NodeStatus| match status.node.identity {
        squall::action::Identity::Process { pid, .. } => format!("/proc/{pid}"),
        _ => panic!("a local node is a process"),
    };
    view.iter().map(pid).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_local_cluster_is_started_acted_on_and_taken_down() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let spec = spec(
        "{ name: it-local, environment: test, kind: { local: { flink: { config: { heartbeat.interval: 2s, heartbeat.timeout: 10s } } } } }",
    );
    assert_eq!(local_status(&places).unwrap().len(), 0);
    let cluster = Cluster::up(&spec, &places, &tell).await.unwrap();

    let view = cluster.view().unwrap();
    assert!(view.iter().all(|status| status.alive && !status.frozen));
    let names: Vec<_> = view.iter().map(|status| status.node.name.as_str()).collect();
    assert_eq!(names, ["tm-1", "tm-2", "jm-1", "broker-1", "gateway"]);
    let description = cluster.describe().unwrap();
    assert_eq!((description.kafka.as_str(), description.flink.as_str()), ("4.3.1", "2.3.0"));
    assert_eq!(description.flink_config["heartbeat.interval"], "2s");
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).unwrap();
    assert_eq!(rest.overview().await.unwrap().slots_total, 4);
    assert_eq!(rest.jobmanager_config().await.unwrap()["heartbeat.timeout"], "10s");
    for connection in [&cluster.addresses().kafka.sink, &cluster.addresses().kafka.harness] {
        let (connection, expected) = (connection.clone(), connection.bootstrap.clone());
        let known = tokio::task::spawn_blocking(move || connection.check(Duration::from_secs(10))).await.unwrap().unwrap();
        let brokers: Vec<_> = known.brokers.iter().map(|broker| broker.address.clone()).collect();
        assert_eq!(brokers, [expected], "a client is led back to the path that it came by");
    }

    // A second squall sees it, and cannot start it twice.
    let status = local_status(&places).unwrap().remove(0);
    assert_eq!((status.name.as_str(), status.phase, status.proxy_alive, status.nodes.len()), ("it-local", LocalPhase::Up, true, 5));
    assert_eq!(Cluster::up(&spec, &places, &tell).await.unwrap_err().to_string(), "cluster it-local is up already");
    let attached = Cluster::attach(&spec, &places).await.unwrap();
    assert_eq!(attached.addresses(), cluster.addresses());

    // Kill a TaskManager; another takes its place, once however often that is asked.
    let victim = of_role(&view, Role::Taskmanager).remove(1);
    let kill = Action::Node { node: victim.clone(), deed: NodeDeed::Kill };
    let gone = Witness::Gone { node: victim.clone() };
    tell(&cluster.perform(&kill).await.unwrap().what);
    assert!(cluster.witness(&gone).await.unwrap().acted);
    assert!(cluster.perform(&kill).await.unwrap_err().to_string().contains("is gone already"));
    assert!(cluster.view().unwrap().iter().any(|status| status.node == victim && !status.alive));
    let inverse = Inverse::StartReplacement { node: victim.clone() };
    let undone = attached.undo(&inverse).await.unwrap();
    tell(&undone.what);
    assert!(undone.changed && undone.what.starts_with("tm-3 started in place of tm-2"));
    let again = cluster.undo(&inverse).await.unwrap();
    assert!(!again.changed, "{}", again.what);
    let view = cluster.view().unwrap();
    assert_eq!(of_role(&view, Role::Taskmanager).iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["tm-1", "tm-3"]);
    assert!(rest.taskmanagers().await.unwrap().iter().any(|taskmanager| taskmanager.id == "tm-3"));
    assert!(std::fs::read_to_string(cluster.log(&view[1].node).unwrap()).unwrap().contains("tm-3"));

    let (ports, pids) = (ports(&cluster), pids(&cluster.view().unwrap()));
    drop(attached);
    drop(cluster);
    down(&spec, &places, &tell).await.unwrap();
    assert!(pids.iter().all(|process| !Path::new(process).exists()), "a process is left");
    assert!(ports.iter().all(|port| TcpStream::connect(port).is_err()), "a port is taken");
    assert!(!places.state.exists(), "a file is left");
    assert_eq!(down(&spec, &places, &tell).await.unwrap_err().to_string(), "cluster it-local is not up");
}
