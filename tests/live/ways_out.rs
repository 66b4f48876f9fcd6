//! Every way out of a run, to its exit code and to what is left.

use std::path::Path;
use std::process::Command;

use nix::fcntl::posix_fallocate;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use squall::journal::EventKind;

use super::shared::{Going, assert_healed, cluster_file, events, processes, run, scenario, shared, squall_in, wait};

const HELD: &str = "{ at: 2s, name: it, inject: { freeze-taskmanager: { count: 1, for: 15s } } }";

#[test]
fn signals_in_each_phase() {
    let shared = shared();
    let moments = [
        ("made", "\"preparing\"", Signal::SIGINT),
        ("submitting", "\"kind\":\"job\"", Signal::SIGTERM),
        ("running", "traffic-started", Signal::SIGHUP),
        ("held", "action-performed", Signal::SIGINT),
        ("draining", "\"draining\"", Signal::SIGTERM),
    ];
    for (name, text, signal) in moments {
        println!("{name} {signal}");
        let (timeline, more) = match name {
            "held" => (HELD, ""),
            "draining" => ("", "duration: 4s\n"),
            _ => ("", ""),
        };
        let mut going = Going::start(run(&scenario(&shared.home, name, timeline, more)), &shared.home, name);
        going.until(text);
        going.signal(signal);
        going.ends_with(130);
        let events = events(&going.folder);
        let Some(EventKind::RunEnded { clean, ending }) = events.last().map(|event| &event.event) else { panic!("no end") };
        assert!(*clean && *ending == squall::journal::Ending::Interrupted(signal.to_string()), "{ending:?}");
        assert_eq!(going.report()["verdict"], "interrupted");
        assert_healed(shared);
    }
}

#[test]
fn a_panic_is_cleaned_up_after() {
    let shared = shared();
    let file = scenario(&shared.home, "panic", HELD, "");
    let mut command = run(&file);
    command.env("FAILPOINTS", "while-held=panic");
    let mut going = Going::start(command, &shared.home, "panic");
    going.ends_with(1);
    assert_healed(shared);
}

#[test]
fn a_terminal_that_is_lost() {
    let shared = shared();
    let file = scenario(&shared.home, "lost", HELD, "");
    // Nobody reads what it says, and nobody ever will.
    let mut command = run(&file);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stderr(writer.try_clone().unwrap()).stdout(writer);
    drop(reader);
    let before = std::fs::read_dir(shared.home.join("reports/lost")).map_or(0, Iterator::count);
    assert_eq!(before, 0);
    let mut child = command.spawn().unwrap();
    drop(command);
    let journal = shared.home.join("reports/lost/latest/journal.ndjson");
    wait("the fault", || std::fs::read_to_string(&journal).ok().filter(|text| text.contains("action-performed")));
    kill(Pid::from_raw(child.id() as i32), Signal::SIGHUP).unwrap();
    assert_eq!(wait("its end", || child.try_wait().unwrap()).code(), Some(130));
    assert_healed(shared);
}

/// A small disk of its own.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(path: &'a Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let options = Some("size=3m");
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), options)
            .expect("this test mounts a tmpfs, and needs to be root for it");
        Self(path)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = umount2(self.0, MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_full_disk_keeps_what_was_written_and_the_undo() {
    let shared = shared();
    let file = scenario(&shared.home, "full", HELD, "");
    let disk = shared.home.join("disk");
    let _disk = Disk::mount(&disk);
    let mut command = run(&file);
    command.env("SQUALL_REPORTS", disk.join("reports"));
    let mut going = Going::start(command, &disk, "full");
    going.until("action-performed");
    fill(&disk.join("filler"));
    going.ends_with(1);
    let events = events(&going.folder);
    assert!(events.iter().any(|event| matches!(event.event, EventKind::UndoPerformed { restored: true, .. })), "the undo has no record");
    let Some(EventKind::RunEnded { ending, clean: true }) = events.last().map(|event| &event.event) else { panic!("{:?}", events.last()) };
    assert!(format!("{ending:?}").contains("disk is full"), "{ending:?}");
    assert_healed(shared);
    std::fs::remove_file(disk.join("filler")).unwrap();
    let report = squall_in(&shared.home).arg("report").arg(going.folder.path()).output().unwrap();
    assert_eq!(report.status.code(), Some(1), "{}", String::from_utf8_lossy(&report.stderr));
}

/// Takes what is free at one moment: the space that the run gives back to itself afterwards is not touched.
fn fill(path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    wait("a full disk", || {
        let disk = statvfs(path).unwrap();
        posix_fallocate(&file, 0, (disk.blocks_available() * disk.fragment_size()) as i64).ok()
    });
}

/// A cluster that the run itself starts, with a state of its own.
fn own(home: &Path, name: &str) -> Command {
    let cluster = home.join(format!("{name}-cluster.yaml"));
    let text = std::fs::read_to_string(cluster_file())
        .unwrap()
        .replace("it-live", name)
        .replace("taskmanagers: 2, slots: 2", "taskmanagers: 1, slots: 1");
    std::fs::write(&cluster, text.replace("keep-at-least: { taskmanagers: 1 }", "")).unwrap();
    let mut command = squall_in(home);
    command.arg("run").arg(scenario(home, name, "", "")).arg("--on").arg(cluster);
    command
}

fn labelled(cluster: &str) -> usize {
    let label = format!("SQUALL_CLUSTER={cluster}:");
    let carries = |pid: &i32| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| String::from_utf8_lossy(&all).contains(&label));
    processes(&[]).iter().filter(|pid| carries(pid)).count()
}

#[test]
fn a_cluster_that_is_being_started_goes_with_the_run() {
    for (name, signal) in [("it-int", Signal::SIGINT), ("it-kill", Signal::SIGKILL)] {
        let home = tempfile::tempdir().unwrap();
        let mut going = Going::start(own(home.path(), name), home.path(), name);
        wait("its processes", || (labelled(name) >= 2).then_some(()));
        going.signal(signal);
        let code = going.exit_code();
        assert_eq!(code, (signal == Signal::SIGINT).then_some(130));
        let path = going.folder.path().display().to_string();
        wait("the guard's end", || processes(&["guard", "--run", &path]).is_empty().then_some(()));
        assert_eq!(labelled(name), 0);
        assert!(!home.path().join("state/clusters").exists());
        assert!(matches!(events(&going.folder).last().unwrap().event, EventKind::RunEnded { clean: true, .. }));
    }
}

/// Kills processes of a run's own cluster while traffic flows, and asserts what the run says of it.
fn lost(name: &str, dies: impl Fn(&str) -> bool, says: &str) {
    let home = tempfile::tempdir().unwrap();
    let mut going = Going::start(own(home.path(), name), home.path(), name);
    going.until("traffic-started");
    let label = format!("SQUALL_CLUSTER={name}:");
    for pid in processes(&[]) {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        let ours = std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| String::from_utf8_lossy(&all).contains(&label));
        if ours && command.is_ok_and(|command| dies(&command)) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
    }
    going.ends_with(1);
    let ending = going.report()["ending"].as_str().unwrap_or_default().to_owned();
    assert!(ending.contains(&format!("the cluster {name} was lost: {says}")), "{ending}");
    assert_eq!(labelled(name), 0);
    assert!(!home.path().join("state/clusters").exists());
}

#[test]
fn a_cluster_that_is_lost_is_an_error_of_the_run_and_leaves_nothing() {
    lost("it-lost", |_| true, "none of its nodes is alive");
}

#[test]
#[ignore = "a cluster of its own; ./dev qualify safety"]
fn a_proxy_that_dies_is_an_error_of_the_run_and_leaves_nothing() {
    lost("it-cut", |command| command.contains(" proxy "), "the proxy of its links is dead");
}
