//! Many short runs in a row, each killed with SIGKILL at a random moment: nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall::clock::{self, Timestamp};
use squall::journal::{Ending, EventKind, Phase, RunFolder};
use squall::kafka::Admin;

use super::matrix::{FAULTS, is_possible};
use super::qualified::{machine, replace_part};
use super::shared::{Shared, assert_healed, events, processes, run, scenario, shared, squall_in, succeeded, text, wait};

const SEED: u64 = 50;
/// Runs are killed within this time of their start: from before the journal's first line until after their end.
const LATEST: Duration = Duration::from_secs(25);

/// `SQUALL_KILLS` runs (50).
#[test]
#[ignore = "half an hour; ./dev qualify random-kills"]
fn qualify_random_kills() {
    let shared = shared();
    let runs: usize = std::env::var("SQUALL_KILLS").map_or(50, |text| text.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    assert_healed(shared);
    let before = left(shared);
    let mut table = String::from("| run | fault | killed after | it was | healed by | in |\n|---|---|---|---|---|---|\n");
    let mut at = BTreeMap::<String, usize>::new();
    for number in 1..=runs {
        let row = &FAULTS[rng.random_range(0..FAULTS.len())];
        let after = LATEST.mul_f64(rng.random());
        let also_the_guard = rng.random_bool(0.3);
        if !is_possible(shared, row) {
            continue;
        }
        let name = format!("kill-{number}");
        let file = scenario(
            &shared.home,
            &name,
            &format!("{{ at: 1s, name: it, inject: {{ {}: {} }} }}", row.fault, row.settings),
            "duration: 6s\n",
        );
        let log = std::fs::File::create(shared.home.join(format!("{name}.log"))).unwrap();
        let mut child = run(&file).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        std::thread::sleep(after);
        if also_the_guard {
            for guard in processes(&["guard", "--run", &format!("{name}/")]) {
                kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
            }
        }
        // Its own end may have come first.
        child.kill().unwrap();
        child.wait().unwrap();
        let died = clock::now();
        let folder = RunFolder::open(&shared.home.join("reports").join(&name)).ok();
        let moment = folder.as_ref().map_or("before its journal", |folder| moment(folder, died));
        wait("the guard's end", || processes(&["guard", "--run", &format!("{name}/")]).is_empty().then_some(()));
        let undone = succeeded(squall_in(&shared.home).arg("undo"));
        let ended = folder.as_ref().and_then(|folder| events(folder).pop()).map(|event| event.event);
        let healer = match &ended {
            Some(EventKind::RunEnded { ending: Ending::Interrupted(signal), clean: true }) if signal == "SIGKILL" => {
                if text(&undone).contains("all undone") { "`squall undo`" } else { "the guard" }
            }
            Some(EventKind::RunEnded { clean: true, .. }) => "squall itself",
            None => "–",
            other => panic!("{name} ends with {other:?}"),
        };
        let took = clock::now().seconds_since(died);
        assert_healed(shared);
        assert_eq!(left(shared), before, "after {name}: {}", text(&undone));
        if let Some(folder) = &folder {
            no_group(shared, folder);
        }
        let line = format!("| {number} | `{}` | {:.1} s | {moment} | {healer} | {took:.1} s |", row.fault, after.as_secs_f64());
        println!("{line}");
        writeln!(table, "{line}").unwrap();
        *at.entry(moment.to_owned()).or_default() += 1;
    }
    let spread: Vec<String> = at.iter().map(|(moment, count)| format!("{moment}: {count}")).collect();
    let part = format!(
        "{}\n- seed {SEED} of the faults, the moments, and whether the guard is killed too\n\n{runs} runs; {}. After each: no process, no listening port, no topic, no group, no job, no rule and \
         no control group was left that had not been there before the first, and records sent afterwards arrived.\n\n{table}",
        machine(),
        spread.join(", ")
    );
    replace_part(Path::new("docs/qualification/random-kills.md"), &part);
}

/// How far a run had come when it died.
fn moment(folder: &RunFolder, died: Timestamp) -> &'static str {
    let mut moment = "in its first line";
    // What follows is the guard's.
    for event in events(folder).into_iter().take_while(|event| event.at <= died) {
        moment = match event.event {
            EventKind::Phase(Phase::Preparing) => "preparing",
            EventKind::Phase(Phase::Running) => "running",
            EventKind::Phase(Phase::Draining) => "draining",
            EventKind::Phase(Phase::CleaningUp) => "cleaning up",
            EventKind::RunEnded { .. } => "over",
            EventKind::UndoRecorded { .. } => "holding its fault",
            EventKind::FaultRemoved { .. } => "after its fault",
            _ => moment,
        };
    }
    moment
}

/// What there is of squall's: processes by what they do, and listening ports of those that are no Java.
fn left(shared: &Shared) -> (BTreeMap<String, usize>, BTreeSet<String>) {
    let home = format!("SQUALL_STATE={}", shared.home.join("state").display());
    let mut kinds = BTreeMap::new();
    let mut ports = BTreeSet::new();
    let own = std::process::id() as i32;
    for pid in processes(&[]) {
        let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) else { continue };
        let ours = environ.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes());
        if !ours || pid == own {
            continue;
        }
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        let program = program.unwrap_or_default();
        if program.starts_with("squall") {
            ports.extend(listening(pid));
        }
        *kinds.entry(program).or_default() += 1;
    }
    (kinds, ports)
}

/// Addresses on which a process listens, by the kernel.
fn listening(pid: i32) -> Vec<String> {
    let sockets: BTreeSet<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|fd| std::fs::read_link(fd.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        fields.get(3) == Some(&"0A") && fields.get(9).is_some_and(|inode| sockets.contains(*inode))
    };
    table.lines().filter(listens).map(|line| line.split_ascii_whitespace().nth(1).unwrap().to_owned()).collect()
}

/// The run's group has committed nothing that is still there.
fn no_group(shared: &Shared, folder: &RunFolder) {
    let kafka = Admin::new(&shared.cluster.addresses().kafka.harness).unwrap();
    for event in events(folder) {
        if let EventKind::Made { kind, name } = event.event
            && kind == "group"
        {
            assert!(kafka.group_offsets(&name, Duration::from_secs(30)).unwrap().is_empty(), "group {name} is there");
        }
    }
}
