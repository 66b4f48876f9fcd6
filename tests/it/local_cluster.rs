//! A local cluster, on the real thing: every node and link that it claims to know how to act on.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use squall::action::{Ability, Action, Direction, Distribution, Inverse, LinkEffect, LinkRule, Node, NodeDeed, Role, Witness};
use squall::cluster::{Cluster, ClusterSpec, LocalPhase, NodeStatus, Places, down, local_status};
use squall::flink::Rest;
use squall::kafka::Connection;
use squall::units::{Duration as Length, Ratio};

/// The jars come from the user's cache; all else is the test's own.
fn places(state: &Path) -> Places {
    Places { state: state.join("state"), squall: env!("CARGO_BIN_EXE_squall").into(), ..Places::from_env().unwrap() }
}

fn spec(yaml: &str) -> ClusterSpec {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

/// Takes a test's cluster down when the test fails before it has.
struct Sweep<'a>(&'a ClusterSpec, &'a Places);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        let down = || tokio::runtime::Runtime::new().unwrap().block_on(down(self.0, self.1, &tell));
        match std::thread::scope(|scope| scope.spawn(down).join()) {
            Ok(Err(error)) if error.is_not_up() => {}
            other => eprintln!("swept: {other:?}"),
        }
    }
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
    let _sweep = Sweep(&spec, &places);
    let cluster = Cluster::up(&spec, &places, &tell).await.unwrap();

    let view = cluster.view().await.unwrap();
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
    tell(&cluster.perform(&kill, None).await.unwrap().what);
    assert!(cluster.witness(&gone).await.unwrap().acted);
    assert!(cluster.perform(&kill, None).await.unwrap_err().to_string().contains("is gone already"));
    assert!(cluster.view().await.unwrap().iter().any(|status| status.node == victim && !status.alive));
    let inverse = Inverse::StartReplacement { node: victim.clone() };
    let undone = attached.undo(&inverse).await.unwrap();
    tell(&undone.what);
    assert!(undone.changed && undone.what.starts_with("tm-3 started in place of tm-2"));
    let again = cluster.undo(&inverse).await.unwrap();
    assert!(!again.changed, "{}", again.what);
    let view = cluster.view().await.unwrap();
    assert_eq!(of_role(&view, Role::Taskmanager).iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["tm-1", "tm-3"]);
    assert!(rest.taskmanagers().await.unwrap().iter().any(|taskmanager| taskmanager.id == "tm-3"));
    let (_, log) = cluster.logs().await.unwrap().into_iter().find(|(name, _)| *name == view[1].node.name).unwrap();
    assert!(std::fs::read_to_string(log).unwrap().contains("tm-3"));

    let (ports, pids) = (ports(&cluster), pids(&cluster.view().await.unwrap()));
    drop(attached);
    drop(cluster);
    down(&spec, &places, &tell).await.unwrap();
    assert!(pids.iter().all(|process| !Path::new(process).exists()), "a process is left");
    assert!(ports.iter().all(|port| TcpStream::connect(port).is_err()), "a port is taken");
    assert!(!places.state.exists(), "a file is left");
    assert_eq!(down(&spec, &places, &tell).await.unwrap_err().to_string(), "cluster it-local is not up");
}

/// Performs a deed on a node, looks whether it happened, takes it back, and once more.
async fn act_and_undo(cluster: &Cluster, action: Action, witness: Witness, inverse: Inverse) -> Node {
    let Action::Node { node, .. } = &action else { panic!("a deed on a node") };
    tell(&cluster.perform(&action, None).await.unwrap().what);
    let testimony = cluster.witness(&witness).await.unwrap();
    tell(&testimony.what);
    assert!(testimony.acted);
    let undone = cluster.undo(&inverse).await.unwrap();
    tell(&undone.what);
    assert!(undone.changed);
    assert!(!cluster.undo(&inverse).await.unwrap().changed);
    let view = cluster.view().await.unwrap();
    assert!(view.iter().all(|status| status.alive && !status.frozen), "{view:?}");
    of_role(&view, node.role).pop().unwrap()
}

async fn round_trip(connection: &Connection) -> Duration {
    let connection = connection.clone();
    let began = squall::clock::now();
    tokio::task::spawn_blocking(move || connection.check(Duration::from_secs(20))).await.unwrap().unwrap();
    Duration::from_secs_f64(squall::clock::now().seconds_since(began))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_local_abilities_are_performed_witnessed_and_undone_twice() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let spec = spec(
        "{ name: it-abilities, environment: test, kind: { local: { flink: { taskmanagers: 1, config: { heartbeat.interval: 1s, heartbeat.timeout: 4s } } } }, \
         restarted-by: { gateway: nobody } }",
    );
    let _sweep = Sweep(&spec, &places);
    let cluster = Cluster::up(&spec, &places, &tell).await.unwrap();
    let nodes = cluster.view().await.unwrap();
    let node = |role| of_role(&nodes, role).remove(0);
    let deed = |node: &Node, deed| Action::Node { node: node.clone(), deed };
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).unwrap();

    let taskmanager = node(Role::Taskmanager);
    act_and_undo(
        &cluster,
        deed(&taskmanager, NodeDeed::Freeze),
        Witness::Frozen { node: taskmanager.clone() },
        Inverse::Thaw { node: taskmanager.clone() },
    )
    .await;
    if cluster.abilities().contains(&Ability::SlowNode(Role::Taskmanager)) {
        let share = Ratio(0.05);
        let witness = Witness::CpuShare { node: taskmanager.clone(), share };
        act_and_undo(
            &cluster,
            deed(&taskmanager, NodeDeed::SlowCpu { share }),
            witness.clone(),
            Inverse::FullSpeed { node: taskmanager.clone() },
        )
        .await;
        assert!(!cluster.witness(&witness).await.unwrap().acted);
    } else {
        assert!(std::env::var_os("CI").is_none(), "skipped: slow CPU: no control groups here");
        eprintln!("skipped: slow CPU: no control groups here");
    }

    // The one JobManager and the one broker come back where they were; brokers keep what they have.
    for role in [Role::Jobmanager, Role::Broker] {
        let victim = node(role);
        let (gone, inverse) = (Witness::Gone { node: victim.clone() }, Inverse::StartReplacement { node: victim.clone() });
        let terminated = act_and_undo(&cluster, deed(&victim, NodeDeed::Terminate), gone, inverse.clone()).await;
        assert_eq!((terminated.name.as_str(), terminated != victim), (victim.name.as_str(), true));
        let gone = Witness::Gone { node: terminated.clone() };
        let killed = act_and_undo(&cluster, deed(&terminated, NodeDeed::Kill), gone, Inverse::StartReplacement { node: terminated }).await;
        assert!(!cluster.undo(&inverse).await.unwrap().changed, "a place is filled once, whoever left it first");
        assert_eq!(of_role(&cluster.view().await.unwrap(), role), [killed]);
    }
    assert!(rest.overview().await.unwrap().taskmanagers <= 1);
    round_trip(&cluster.addresses().kafka.sink).await;

    // What nobody restarts stays away.
    let gateway = node(Role::Gateway);
    cluster.perform(&deed(&gateway, NodeDeed::Kill), None).await.unwrap();
    let undone = cluster.undo(&Inverse::StartReplacement { node: gateway.clone() }).await.unwrap();
    assert!(!undone.changed && undone.what.contains("nobody restarts"), "{}", undone.what);

    // A rule on the sink's link touches what goes that way and nothing else, and ends by its undo or with its holder.
    let delay = LinkEffect::Delay { add: Length::from_millis(400), jitter: Length::ZERO, distribution: Distribution::Uniform };
    let rule = Action::Link { link: "sink".into(), rule: LinkRule { direction: Direction::Upstream, effect: delay } };
    let (counters, inverse) = (Witness::LinkCounters { link: "sink".into() }, Inverse::RemoveRule { link: "sink".into() });
    let (sink, source) = (cluster.addresses().kafka.sink.clone(), cluster.addresses().kafka.source.clone());
    let holder = Cluster::attach(&spec, &places).await.unwrap();
    for undo in [true, false] {
        tell(&holder.perform(&rule, None).await.unwrap().what);
        assert!(round_trip(&sink).await >= Duration::from_millis(800), "several requests, each delayed");
        assert!(round_trip(&source).await < round_trip(&sink).await);
        let testimony = cluster.witness(&counters).await.unwrap();
        assert!(testimony.acted, "{}", testimony.what);
        if undo {
            assert!(cluster.undo(&inverse).await.unwrap().changed);
            assert!(!cluster.undo(&inverse).await.unwrap().changed);
        }
    }
    drop(holder);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!cluster.undo(&inverse).await.unwrap().changed, "the rule ended with its holder");

    // Somebody else's node is nobody's to touch.
    let foreign = Node { identity: squall::action::Identity::Process { pid: 1, start_ticks: 1, host: None }, ..taskmanager };
    assert!(
        cluster
            .perform(&deed(&foreign, NodeDeed::Kill), None)
            .await
            .unwrap_err()
            .to_string()
            .contains("is not one of this cluster's nodes")
    );
    drop(cluster);
    down(&spec, &places, &tell).await.unwrap();
}

/// Processes that were started with this folder as their cluster's.
fn processes_of(folder: &Path) -> usize {
    let mark = folder.display().to_string();
    let of_folder = |entry: &std::fs::DirEntry| {
        std::fs::read(entry.path().join("environ")).is_ok_and(|text| String::from_utf8_lossy(&text).contains(&mark))
    };
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| entry.file_name() != own.as_str() && of_folder(entry)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_local_start_that_fails_or_is_cut_short_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    // A broker that dies shows the end of its own log, and the log stays to be read.
    let broken = spec("{ name: it-broken, environment: test, kind: { local: { kafka: { config: { num.io.threads: none } } } } }");
    let error = Cluster::up(&broken, &places, &tell).await.unwrap_err().to_string();
    tell(&error);
    assert!(
        error.contains("broker-1 died as it started") && error.contains("Invalid value none for configuration num.io.threads"),
        "{error}"
    );
    let log = places.cluster(&broken.name).join("logs/broker-1.log");
    assert!(error.contains(log.to_str().unwrap()) && log.exists());
    assert_eq!(processes_of(folder.path()), 0);
    assert_eq!(local_status(&places).unwrap().len(), 0);

    // Ctrl-C while it starts.
    let good = spec("{ name: it-cut, environment: test, kind: { local: {} } }");
    let _sweep = Sweep(&good, &places);
    let up = tokio::time::timeout(Duration::from_millis(1500), Cluster::up(&good, &places, &tell)).await;
    assert!(up.is_err(), "it was to be cut short");
    assert_eq!(processes_of(folder.path()), 0);
    assert!(!places.cluster(&good.name).exists());

    // A squall that was killed while it started one: its record leads to some of the processes, their labels to all.
    let mut cut = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "local_cluster::helper_starts_a_cluster", "--ignored"])
        .env("SQUALL_IT_STATE", folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while processes_of(&places.state) < 3 {
        assert!(cut.try_wait().unwrap().is_none(), "it was to be started");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cut.kill().unwrap();
    cut.wait().unwrap();
    assert!(processes_of(&places.state) >= 3);
    let half = local_status(&places).unwrap().remove(0);
    assert_eq!(half.phase, LocalPhase::Starting);
    assert!(Cluster::attach(&good, &places).await.unwrap_err().is_not_up());
    std::fs::remove_file(places.cluster(&good.name).join("cluster.json")).unwrap();
    assert!(down(&good, &places, &tell).await.unwrap_err().is_not_up());
    assert_eq!(processes_of(&places.state), 0);
}

/// Run by the test above in a process of its own, to be killed.
#[tokio::test]
#[ignore = "helper of live_local_start_that_fails_or_is_cut_short_leaves_nothing"]
async fn helper_starts_a_cluster() {
    let state = std::env::var_os("SQUALL_IT_STATE").unwrap();
    let spec = spec("{ name: it-cut, environment: test, kind: { local: {} } }");
    Cluster::up(&spec, &places(Path::new(&state)), &|_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_local_three_brokers_and_the_older_flink() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let data = folder.path().join("data");
    let yaml = "{ name: it-three, environment: test, kind: { local: { kafka: { brokers: 3 }, data: DATA, \
                flink: { version: \"1.20.3\", taskmanagers: 1, slots: 1, config: { heartbeat.interval: 2s } } } } }";
    let spec = spec(&yaml.replace("DATA", data.to_str().unwrap()));
    let _sweep = Sweep(&spec, &places);
    let cluster = Cluster::up(&spec, &places, &tell).await.unwrap();
    assert_eq!(cluster.describe().unwrap().flink, "1.20.3");
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).unwrap();
    assert_eq!(rest.overview().await.unwrap().flink_version, "1.20.3");
    let sink = cluster.addresses().kafka.sink.clone();
    let known = tokio::task::spawn_blocking(move || sink.check(Duration::from_secs(10))).await.unwrap().unwrap();
    let mut brokers: Vec<_> = known.brokers.iter().map(|broker| broker.address.clone()).collect();
    brokers.sort();
    let mut expected: Vec<_> = cluster.addresses().kafka.sink.bootstrap.split(',').map(str::to_owned).collect();
    expected.sort();
    assert_eq!(brokers, expected);

    let victim = of_role(&cluster.view().await.unwrap(), Role::Broker).remove(1);
    let kill = Action::Node { node: victim.clone(), deed: NodeDeed::Kill };
    let back = act_and_undo(&cluster, kill, Witness::Gone { node: victim.clone() }, Inverse::StartReplacement { node: victim }).await;
    assert_eq!(back.name, "broker-3", "the last by name");
    assert!(std::fs::read_dir(&data).unwrap().count() == 1);
    drop(cluster);
    down(&spec, &places, &tell).await.unwrap();
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0, "only what squall made is removed");
    assert_eq!(processes_of(&places.state), 0);
}
