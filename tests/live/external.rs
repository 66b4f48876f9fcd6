//! Kind `external`, on a Kafka and a Flink that the squall under test did not start.

use std::path::Path;
use std::time::Duration;

use squall::action::{Ability, Action, Identity, Inverse, NodeDeed, Role, Witness};
use squall::cluster::Cluster;

use super::conformance::{conform, conform_in, keep};
use super::foreign::{Foreign, places};
use super::shared::{Going, json, processes, spec, squall_in, succeeded, text, wait};
use super::sshd::Sshd;

const QUICK: &str = "{ taskmanagers: 2, slots: 2, config: { heartbeat.interval: 1s, heartbeat.timeout: 6s } }";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A short list; over ssh where there is an sshd, else on this machine.
#[test]
fn external_in_short() {
    let home = tempfile::tempdir().unwrap();
    let sshd = Sshd::start(&home.path().join("sshd"));
    let host = sshd.as_ref().map_or("here".to_owned(), Sshd::host);
    println!("nodes are reached by {host}");
    let foreign = Foreign::start(home.path().join("owner"), "it-foreign", QUICK);
    let spec = spec(&foreign.file("theirs", &format!("    hosts: [ {host} ]\n{}", foreign.starts()), "allow: [ everything ]"));
    let rows = runtime().block_on(async {
        let cluster = Cluster::attach(&spec, &places(home.path())).await.unwrap();
        cluster.ready().await.unwrap();
        let short = [Ability::KillNode(Role::Taskmanager), Ability::FreezeNode(Role::Taskmanager), Ability::TerminateNode(Role::Broker)];
        conform_in(&cluster, |ability| short.contains(&ability)).await
    });
    assert_eq!(rows.len(), 3);
}

/// Over ssh, with the owner's start command: every ability; then what is particular to ssh.
#[test]
#[ignore = "needs openssh-server; ./dev qualify clusters"]
fn qualify_over_ssh() {
    let home = tempfile::tempdir().unwrap();
    let sshd = Sshd::start(&home.path().join("sshd")).expect("apt-get install openssh-server");
    let foreign = Foreign::start(home.path().join("owner"), "it-foreign-ssh", QUICK);
    let yaml = foreign.file("theirs", &format!("    hosts: [ {} ]\n{}", sshd.host(), foreign.starts()), "allow: [ everything ]");
    let spec = spec(&yaml);
    let runtime = runtime();
    let places = places(home.path());
    runtime.block_on(async {
        let cluster = Cluster::attach(&spec, &places).await.unwrap();
        cluster.ready().await.unwrap();
        let rows = conform(&cluster).await;
        keep("external over ssh", &rows);
        assert_eq!(rows.len(), 12, "kill, terminate and freeze of four roles");

        // A freeze whose squall dies ends by itself; its shell dies with the object, as it would with the process.
        let view = cluster.view().await.unwrap();
        let node = view.iter().find(|status| status.node.role == Role::Taskmanager).unwrap().node.clone();
        assert!(matches!(&node.identity, Identity::Process { host: Some(host), .. } if host.ends_with("@127.0.0.1")), "{node:?}");
        let freeze = Action::Node { node: node.clone(), deed: NodeDeed::Freeze };
        cluster.perform(&freeze, Some(Duration::ZERO)).await.unwrap();
        drop(cluster);
        let cluster = Cluster::attach(&spec, &places).await.unwrap();
        let frozen = Witness::Frozen { node: node.clone() };
        assert!(cluster.witness(&frozen).await.unwrap().acted);
        while cluster.witness(&frozen).await.unwrap().acted {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Whoever undoes it later finds it done, or dead of it.
        cluster.undo(&Inverse::Thaw { node }).await.unwrap();
    });
    assert_eq!(processes(&["squall-thaws-"]), Vec::<i32>::new(), "a sleeping undo was left on the machine");
    refused_login(home.path(), &foreign, &sshd);
}

/// A machine that does not let squall in is told before anything is touched.
fn refused_login(home: &Path, foreign: &Foreign, sshd: &Sshd) {
    let other = home.join("other-key");
    succeeded(std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other));
    let host = sshd.host().replace(&sshd.identity.display().to_string(), &other.display().to_string());
    let file = home.join("refused.yaml");
    std::fs::write(&file, foreign.file("refused", &format!("    hosts: [ {host} ]"), "")).unwrap();
    let output = squall_in(home).args(["cluster", "up"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("Permission denied"), "{}", text(&output));
}

/// On this machine without ssh, restarted by a platform: a loop that starts a TaskManager whenever it is gone.
#[test]
#[ignore = "./dev qualify clusters"]
fn qualify_here_restarted_by_a_platform() {
    let home = tempfile::tempdir().unwrap();
    let foreign = Foreign::start(home.path().join("owner"), "it-foreign-here", QUICK);
    let yaml = foreign.file("theirs", "    hosts: [ here ]", "allow: [ everything ]");
    let spec = spec(&yaml);
    let mut platform = std::process::Command::new("bash")
        .args(["-c", "while sleep 1; do for node in tm-1 tm-2 jm-1 broker-1 gateway; do ./start.sh $node; done; done"])
        .current_dir(&foreign.home)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The platform knows the nodes that run already.
    let record = json(&foreign.home.join("state/clusters/it-foreign-here/cluster.json"));
    std::fs::create_dir_all(foreign.home.join("pids")).unwrap();
    for process in record["processes"].as_array().unwrap() {
        let pid = format!("{}\n", process["pid"]);
        std::fs::write(foreign.home.join("pids").join(process["name"].as_str().unwrap()), pid).unwrap();
    }
    let rows = runtime().block_on(async {
        let cluster = Cluster::attach(&spec, &places(home.path())).await.unwrap();
        cluster.ready().await.unwrap();
        conform(&cluster).await
    });
    platform.kill().unwrap();
    platform.wait().unwrap();
    keep("external here, restarted by a platform", &rows);
    assert!(rows.iter().any(|row| row.what.iter().any(|what| what.contains("by the platform"))), "{rows:?}");
}

/// By the owner's own commands alone: no machine is looked at.
#[test]
#[ignore = "./dev qualify clusters"]
fn qualify_by_the_owners_commands() {
    let home = tempfile::tempdir().unwrap();
    let foreign = Foreign::start(home.path().join("owner"), "it-foreign-own", QUICK);
    let script = r#"#!/bin/bash
# own DEED NODE: signals of the owner's own, by the id on the command line.
cd "$(dirname "$0")"
pid=$(grep -lsaF "taskmanager.resource-id=$2" /proc/[0-9]*/cmdline | while read -r f; do
  tr '\0' '\n' <"$f" | grep -qxF "taskmanager.resource-id=$2" && [ "${f#/proc/}" != "$$/cmdline" ] && tr '\0' '\n' <"$f" | grep -qx org.apache.flink.runtime.taskexecutor.TaskManagerRunner && { f=${f#/proc/}; echo "${f%/cmdline}"; }; done | head -1)
state() { s=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1; s=${s##*) }; echo "${s%% *}"; }
case $1 in
kill) kill -9 "$pid" && echo "killed $pid";;
is-gone) [ -z "$pid" ];;
freeze) kill -STOP "$pid" && echo "froze $pid";;
thaw) kill -CONT "$pid"; echo "thawed $pid";;
is-frozen) [ "$(state)" = T ];;
esac
"#;
    let own = foreign.home.join("own.sh");
    std::fs::write(&own, script).unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (own, start) = (own.display(), foreign.starter());
    let start = start.display();
    let commands = format!(
        "    commands:\n      taskmanager:\n        kill: {{ run: [ {own}, kill, \"${{node}}\" ], witness: [ {own}, is-gone, \"${{node}}\" ], undo: [ {start}, \"${{node}}\" ] }}\n        \
         freeze: {{ run: [ {own}, freeze, \"${{node}}\" ], witness: [ {own}, is-frozen, \"${{node}}\" ], undo: [ {own}, thaw, \"${{node}}\" ] }}"
    );
    let spec = spec(&foreign.file("theirs", &commands, "allow: [ everything ]"));
    assert_eq!(spec.mistakes(), []);
    let rows = runtime().block_on(async {
        let cluster = Cluster::attach(&spec, &places(home.path())).await.unwrap();
        cluster.ready().await.unwrap();
        conform(&cluster).await
    });
    keep("external by the owner's commands", &rows);
    assert_eq!(rows.iter().map(|row| row.ability.as_str()).collect::<Vec<_>>(), ["KillNode(Taskmanager)", "FreezeNode(Taskmanager)"]);
}

/// A job that runs already, topics that exist with other producers on them, and a group that is not squall's.
#[test]
#[ignore = "./dev qualify clusters"]
fn qualify_attached_job_with_foreign_records() {
    let home = tempfile::tempdir().unwrap();
    let foreign = Foreign::start(home.path().join("owner"), "it-foreign-job", QUICK);
    let owner = super::owner::Owner::of(&foreign);
    let mut noise = owner.noise();
    let top = "allow: [ { kill-taskmanager: { at-most: 1 } } ]\nwritable-topics: [ theirs-in ]";
    let file = home.path().join("theirs.yaml");
    std::fs::write(&file, foreign.file("theirs", &format!("    hosts: [ here ]\n{}", foreign.starts()), top)).unwrap();
    let scenario = home.path().join("attached.yaml");
    let text_of = "name: attached\n\
        job: { attach: { name: theirs } }\n\
        source: { topics: { orders: { name: theirs-in } }, group: theirs }\n\
        sink: { topics: { enriched: { name: theirs-out } }, identity: header }\n\
        traffic: { orders: { rate: { constant: 300/s }, keys: { uniform: { distinct: 100 } }, value: { size: 100B } } }\n\
        duration: 75s\ndrain: { within: 60s }\n\
        timeline: [ { at: 40s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 5s } } } ]\n\
        expect: [ delivery == exactly-once ]\nseed: 7\n";
    std::fs::write(&scenario, text_of).unwrap();
    let mut command = squall_in(home.path());
    command.arg("run").arg(&scenario).arg("--on").arg(&file);
    let mut going = Going::start(command, home.path(), "attached");
    let code = going.exit_code();
    noise.stop();
    let log = std::fs::read_to_string(home.path().join("attached.log")).unwrap();
    assert!(matches!(code, Some(0 | 4)), "exit {code:?}: {log}");
    let report = going.report();
    let delivery = &report["delivery"];
    assert_eq!((&delivery["lost"], &delivery["duplicates"]), (&0.into(), &0.into()), "{delivery}");
    assert!(delivery["foreign"].as_u64().unwrap() > 100, "other people's records are counted: {delivery}");
    assert_eq!(report["faults"][0]["acted"], true, "{report}");
    // What is theirs is as it was: topics, group and job.
    owner.assert_untouched();
    wait("the run is forgotten", || {
        let status = succeeded(squall_in(home.path()).args(["status", "--format", "json"]));
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        status["runs"].as_array().unwrap().is_empty().then_some(())
    });
}

/// What the owner has not allowed is refused before anything is touched.
#[test]
fn read_only_until_its_file_says_more() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("theirs.yaml");
    let yaml = "name: theirs\nenvironment: staging\nkind: { external: { kafka: { bootstrap: \"127.0.0.1:1\" }, flink: { addresses: [ \"http://127.0.0.1:1\" ] }, gateway: { addresses: [ \"http://127.0.0.1:1\" ] } } }\n";
    std::fs::write(&file, yaml).unwrap();
    let scenario = super::shared::scenario(home.path(), "refused", "", "");
    let refused = squall_in(home.path()).arg("run").arg(&scenario).arg("--on").arg(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    assert!(text(&refused).contains("may not make topics") && text(&refused).contains("may not submit jobs"), "{}", text(&refused));
    let delayed =
        super::shared::scenario(home.path(), "delayed", "{ at: 2s, name: slow, inject: { delay-sink: { add: 100ms, for: 5s } } }", "");
    let refused = squall_in(home.path()).arg("plan").arg(&delayed).arg("--on").arg(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("no proxy carries the link `sink`") && text(&refused).contains("through"), "{}", text(&refused));
}
