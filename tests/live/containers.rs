//! Kind `containers`, on a real engine: `./dev qualify clusters` starts one in a network namespace of its own, with images made here.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use squall::action::{Ability, Role};
use squall::cluster::{Cluster, ClusterSpec, NodeStatus, Places};

use super::conformance::{conform, conform_in, keep};
use super::foreign::places;
use super::shared::{Going, processes, spec, squall_in, succeeded, text, wait};

/// What stands in a cluster file for the images made here.
pub const KIND: &str = "{ containers: { kafka: { image: \"squall-test/kafka:4.3.1\" }, flink: { image: \"squall-test/flink:2.3.0\", \
    taskmanagers: 2, slots: 2, config: { heartbeat.interval: 1s, heartbeat.timeout: 6s } } } }";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Takes a test's cluster down when the test fails before it has.
struct Sweep<'a>(&'a ClusterSpec, &'a Places);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        let down = || runtime().block_on(squall::cluster::down(self.0, self.1, &|line| println!("{line}")));
        match std::thread::scope(|scope| scope.spawn(down).join()) {
            Ok(Err(error)) if error.is_not_up() => {}
            other => println!("swept: {other:?}"),
        }
    }
}

/// Everything that the engine has, but images.
fn left() -> Vec<String> {
    let list = |what: &[&str]| {
        let output = succeeded(Command::new("docker").args(what));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let networks = list(&["network", "ls", "--filter", "type=custom", "-q"]);
    [list(&["ps", "-aq"]), networks, list(&["volume", "ls", "-q"])].concat()
}

/// A short list.
#[test]
#[ignore = "needs a container engine; ./dev qualify clusters"]
fn qualify_in_short() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let spec = spec(&format!("{{ name: it-short, environment: test, kind: {KIND}, allow: [ everything ] }}"));
    assert_eq!(left(), Vec::<String>::new(), "the engine is not empty");
    let _sweep = Sweep(&spec, &places);
    runtime().block_on(async {
        let cluster = Cluster::up(&spec, &places, &|line| println!("{line}")).await.unwrap();
        let of_taskmanagers = [Ability::KillNode, Ability::FreezeNode, Ability::SlowNode, Ability::SqueezeNode, Ability::DisconnectNode];
        let mut short = of_taskmanagers.map(|of| of(Role::Taskmanager)).to_vec();
        short.push(Ability::LinkRules);
        let rows = conform_in(&cluster, |ability| short.contains(&ability)).await;
        assert_eq!(rows.len(), short.len());
        squall::cluster::down(&spec, &places, &|line| println!("{line}")).await.unwrap();
    });
    assert_eq!(left(), Vec::<String>::new());
    assert!(!places.state.exists(), "a file is left");
}

#[test]
#[ignore = "needs a container engine; ./dev qualify clusters"]
fn qualify_conform() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let spec = spec(&format!("{{ name: it-containers, environment: test, kind: {KIND}, allow: [ everything ] }}"));
    assert_eq!(left(), Vec::<String>::new(), "the engine is not empty");
    let _sweep = Sweep(&spec, &places);
    runtime().block_on(async {
        let cluster = Cluster::up(&spec, &places, &|line| println!("{line}")).await.unwrap();
        let error = Cluster::up(&spec, &places, &|_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "cluster it-containers is up already");
        let rows = conform(&cluster).await;
        keep("containers", &rows);
        assert_eq!(rows.len(), 4 * 6 + 1, "six abilities of four roles, and rules on links");
        squall::cluster::down(&spec, &places, &|line| println!("{line}")).await.unwrap();
        assert!(Cluster::attach(&spec, &places).await.unwrap_err().is_not_up());
    });
    assert_eq!(left(), Vec::<String>::new());
    assert!(!places.state.exists(), "a file is left");
    assert_eq!(processes(&["proxy", "--control", &home.path().display().to_string()]), Vec::<i32>::new());
}

/// squall killed in the middle of a fault that is held; then its guard heals, or, with that killed too, `squall undo`.
#[test]
#[ignore = "needs a container engine; ./dev qualify clusters"]
fn qualify_heal_after_sigkill() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let text_of = format!("{{ name: it-killed, environment: test, kind: {KIND}, allow: [ everything ] }}");
    let spec = spec(&text_of);
    let file = home.path().join("cluster.yaml");
    std::fs::write(&file, text_of).unwrap();
    let _sweep = Sweep(&spec, &places);
    println!("{}", text(&succeeded(squall_in(home.path()).args(["cluster", "up"]).arg(&file))));
    let runtime = runtime();
    let cluster = runtime.block_on(Cluster::attach(&spec, &places)).unwrap();
    let faults = [
        ("freeze", "freeze-taskmanager: { count: 1, for: 60s }"),
        ("slow", "slow-taskmanager: { count: 1, to: 10%, for: 60s }"),
        ("cut", "disconnect-taskmanager: { count: 1, for: 60s }"),
        ("kill", "kill-taskmanager: { count: 1, restart-after: 60s }"),
        ("delay", "delay-sink: { add: 300ms, for: 60s }"),
    ];
    for (name, fault) in faults {
        for with_guard in [true, false] {
            println!("{name}, {}", if with_guard { "the guard heals" } else { "undo heals" });
            let timeline = format!("{{ at: 3s, name: it, inject: {{ {fault} }} }}");
            let scenario = super::shared::scenario(home.path(), &format!("killed-{name}-{with_guard}"), &timeline, "");
            let mut command = squall_in(home.path());
            command.arg("run").arg(&scenario).arg("--on").arg(&file);
            let mut going = Going::start(command, home.path(), &format!("killed-{name}-{with_guard}"));
            going.until("\"witnessed\"");
            let path = going.folder.path().display().to_string();
            if !with_guard {
                let guard = wait("the guard", || processes(&["guard", "--run", &path]).first().copied());
                kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
            }
            going.signal(Signal::SIGKILL);
            wait("its death", || going.child.try_wait().unwrap());
            if with_guard {
                wait("the guard's end", || processes(&["guard", "--run", &path]).is_empty().then_some(()));
            } else {
                let undone = succeeded(squall_in(home.path()).arg("undo"));
                assert!(text(&undone).contains("all undone"), "{}", text(&undone));
            }
            whole(&runtime, &cluster);
        }
    }
    drop(cluster);
    succeeded(squall_in(home.path()).args(["cluster", "down", "it-killed"]));
    assert_eq!(left(), Vec::<String>::new());
    // What a cut-short start left, with squall's own folders gone, is found by label.
    println!("{}", text(&succeeded(squall_in(home.path()).args(["cluster", "up"]).arg(&file))));
    succeeded(Command::new("docker").args(["network", "inspect", "squall-it-killed"]));
    succeeded(Command::new("docker").args(["rm", "-f", "squall-it-killed-jm-1"]));
    std::fs::remove_dir_all(places.state.join("runs")).ok();
    assert!(runtime.block_on(Cluster::attach(&spec, &places)).unwrap_err().is_not_up());
    succeeded(squall_in(home.path()).args(["cluster", "down", "it-killed"]));
    assert_eq!(left(), Vec::<String>::new());
}

/// Every node is well, no rule is on a link, and no topic or job of a run is left.
fn whole(runtime: &tokio::runtime::Runtime, cluster: &Cluster) {
    let scars = || {
        let view: Vec<NodeStatus> = runtime.block_on(cluster.view()).unwrap();
        let mut scars: Vec<String> =
            view.iter().filter(|status| !status.alive || status.frozen).map(|status| format!("{status:?}")).collect();
        scars.extend((view.len() != 5).then(|| format!("{} nodes", view.len())));
        scars.extend(runtime.block_on(cluster.rules()).unwrap().iter().map(|rule| format!("{rule:?}")));
        let kafka = squall::kafka::Admin::new(&cluster.addresses().kafka.harness).unwrap();
        let topics = kafka.metadata(Duration::from_secs(30)).unwrap().topics;
        scars.extend(topics.iter().filter(|topic| topic.name.starts_with("squall-")).map(|topic| topic.name.clone()));
        for node in view.iter().filter(|status| status.alive) {
            let slowed = squall::action::Witness::CpuShare { node: node.node.clone(), share: squall::units::Ratio(0.1) };
            let off = squall::action::Witness::Disconnected { node: node.node.clone() };
            for witness in [slowed, off] {
                let seen = runtime.block_on(cluster.witness(&witness)).unwrap();
                scars.extend(seen.acted.then_some(seen.what));
            }
        }
        scars
    };
    let mut last = scars();
    for _ in 0..30 {
        if last.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        last = scars();
    }
    assert_eq!(last, Vec::<String>::new());
}
