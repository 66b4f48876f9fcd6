//! The cluster of all live tests, squall's command line on it, and looking at what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use squall::cluster::{Cluster, ClusterSpec, NodeStatus, Places};
use squall::flink::Rest;
use squall::journal::{Event, Reader, RunFolder};
use squall::kafka::Admin;

use super::canary;

/// A moment on a loaded machine.
pub const SOON: Duration = Duration::from_secs(240);

/// The cluster and where squall keeps what it knows of it.
pub struct Shared {
    pub home: PathBuf,
    pub cluster: Cluster,
    pub runtime: tokio::runtime::Runtime,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Starts the cluster when it is first asked for; it goes down with the test program.
pub fn shared() -> &'static Shared {
    SHARED.get_or_init(|| {
        let home = tempfile::tempdir().unwrap().keep();
        let places = Places { state: home.join("state"), squall: env!("CARGO_BIN_EXE_squall").into(), ..Places::from_env().unwrap() };
        let up = squall_in(&home).args(["cluster", "up"]).arg(cluster_file()).output().unwrap();
        // SAFETY: the function is called once, when the program ends in order, and only starts another one.
        unsafe { nix::libc::atexit(take_down) };
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let spec = spec(&std::fs::read_to_string(cluster_file()).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cluster = runtime.block_on(Cluster::attach(&spec, &places)).unwrap();
        Shared { home, cluster, runtime }
    })
}

extern "C" fn take_down() {
    if let Some(shared) = SHARED.get() {
        let down = squall_in(&shared.home).args(["cluster", "down", "it-live"]).output();
        println!("cluster down: {down:?}");
        let _ = std::fs::remove_dir_all(&shared.home);
    }
}

pub fn cluster_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/cluster.yaml")
}

pub fn spec(yaml: &str) -> ClusterSpec {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

/// `squall` with a state and reports of its own.
pub fn squall_in(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports"));
    command.env("SQUALL_EXE", env!("CARGO_BIN_EXE_squall")).stdin(Stdio::null());
    command
}

/// A scenario of a few seconds with a job and topics of its own, this timeline and these other lines.
pub fn scenario(home: &Path, name: &str, timeline: &str, more: &str) -> PathBuf {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/jobs/passthrough.sql");
    let pipeline = format!(
        "job: {{ sql: {{ file: {}, parallelism: 1, checkpoint: {{ interval: 1s, mode: exactly-once }} }} }}\n\
         source: {{ topics: {{ orders: {{ partitions: 2 }} }}, group: {name} }}\n\
         sink: {{ topics: {{ enriched: {{ partitions: 2 }} }}, identity: header }}\n",
        jobs.display()
    );
    written(home, name, &pipeline, timeline, more)
}

/// The same on the canary's job and topics, which are there already.
pub fn attached(home: &Path, name: &str, timeline: &str, more: &str) -> PathBuf {
    let pipeline = "job: { attach: { name: canary } }\n\
                    source: { topics: { orders: { name: canary-in } }, group: canary }\n\
                    sink: { topics: { enriched: { name: canary-out } }, identity: header }\n";
    written(home, name, pipeline, timeline, more)
}

fn written(home: &Path, name: &str, pipeline: &str, timeline: &str, more: &str) -> PathBuf {
    let unless_said = |key: &str, line: &'static str| if more.contains(key) { "" } else { line };
    let (duration, drain) = (unless_said("duration:", "duration: 20s\n"), unless_said("drain:", "drain: { within: 60s }\n"));
    let text = format!(
        "name: {name}\n{pipeline}{duration}{drain}\
         traffic: {{ orders: {{ rate: {{ constant: 200/s }}, keys: {{ uniform: {{ distinct: 100 }} }}, value: {{ size: 100B }} }} }}\n\
         timeline: [ {timeline} ]\n\
         seed: 7\n{more}"
    );
    let path = home.join(format!("{name}.yaml"));
    std::fs::write(&path, text).unwrap();
    path
}

/// A run on the shared cluster.
pub fn run(scenario: &Path) -> Command {
    let mut command = squall_in(&shared().home);
    command.arg("run").arg(scenario).arg("--on").arg(cluster_file());
    command
}

/// A run that goes on.
pub struct Going {
    pub child: Child,
    pub folder: RunFolder,
    home: PathBuf,
    log: PathBuf,
}

impl Going {
    /// Starts it and waits for its journal.
    pub fn start(mut command: Command, home: &Path, name: &str) -> Self {
        let before = runs(home, name);
        let log = home.join(format!("{name}.log"));
        let out = std::fs::File::create(&log).unwrap();
        let mut child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        let new = wait(&format!("the journal of {name}"), || {
            assert!(child.try_wait().unwrap().is_none(), "{}", std::fs::read_to_string(&log).unwrap());
            runs(home, name).difference(&before).next().cloned()
        });
        Self { child, folder: RunFolder::open(&new).unwrap(), home: home.to_owned(), log }
    }

    /// Waits until its journal holds a line with this text.
    pub fn until(&mut self, text: &str) {
        wait(text, || {
            let found = std::fs::read_to_string(self.folder.journal()).unwrap().contains(text);
            assert!(found || self.child.try_wait().unwrap().is_none(), "the run ended before `{text}`");
            found.then_some(())
        });
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        wait("its end", || self.child.try_wait().unwrap()).code()
    }

    /// Waits for its end, which is this exit code; where it is another one, what it said is told.
    pub fn ends_with(&mut self, code: i32) {
        assert_eq!(self.exit_code(), Some(code), "{}", std::fs::read_to_string(&self.log).unwrap());
    }

    /// Its report; where the generator has closed its books, they add up to the record.
    pub fn report(&self) -> Value {
        let report = json(&self.folder.path().join("report.json"));
        let books = &report["generator"];
        let count = |name: &str| books[name].as_u64().unwrap_or_else(|| panic!("no {name}: {books}"));
        if !books["scheduled"].is_null() {
            assert_eq!(count("scheduled"), count("sent") + count("unsent"), "{books}");
            assert_eq!(count("sent"), count("acknowledged") + count("failed") + count("unresolved"), "{books}");
        }
        report
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // Only where a test has failed: the next ones are to find the cluster as it was.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            println!("undone: {:?}", squall_in(&self.home).arg("undo").output());
        }
    }
}

fn runs(home: &Path, name: &str) -> BTreeSet<PathBuf> {
    let folders = std::fs::read_dir(home.join("reports").join(name)).into_iter().flatten().flatten();
    folders.map(|entry| entry.path()).filter(|path| !path.is_symlink() && path.join("journal.ndjson").is_file()).collect()
}

pub fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Looks until there is something, for as long as a loaded machine may need.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = squall::clock::now().plus(SOON);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(!end.remaining().is_zero(), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The events of a run's journal.
pub fn events(folder: &RunFolder) -> Vec<Event> {
    Reader::open_journal(folder).unwrap().map(Result::unwrap).collect()
}

/// Processes of the test's own user whose command line holds all of `words`: pids.
pub fn processes(words: &[&str]) -> Vec<i32> {
    let command = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| command(*pid).is_ok_and(|line| words.iter().all(|word| line.contains(word))))
        .collect()
}

/// What stands out of a cluster that nothing was done to.
pub fn scars(shared: &Shared) -> Vec<String> {
    let mut scars = Vec::new();
    let nodes: Vec<NodeStatus> = shared.runtime.block_on(shared.cluster.view()).unwrap();
    scars.extend(nodes.iter().filter(|node| !node.alive || node.frozen).map(|node| format!("{node:?}")));
    if nodes.len() != 5 {
        scars.push(format!("{} nodes", nodes.len()));
    }
    let rules = shared.runtime.block_on(shared.cluster.rules()).unwrap();
    scars.extend(rules.iter().map(|rule| format!("{rule:?}")));
    let kafka = Admin::new(&shared.cluster.addresses().kafka.harness).unwrap();
    let topics = kafka.metadata(Duration::from_secs(30)).unwrap().topics;
    scars.extend(topics.iter().filter(|topic| topic.name.starts_with("squall-")).map(|topic| format!("topic {}", topic.name)));
    if topics.iter().any(|topic| topic.name == "canary-in") {
        let config = kafka.topic_config("canary-in", Duration::from_secs(30)).unwrap();
        scars.extend(config.iter().filter(|(_, setting)| setting.own).map(|(key, setting)| format!("{key} = {:?}", setting.value)));
    }
    let rest = Rest::new(&shared.cluster.addresses().flink, Path::new("")).unwrap();
    let jobs = shared.runtime.block_on(rest.jobs()).unwrap().value;
    scars.extend(jobs.iter().filter(|job| !job.state.is_terminal() && job.name != "canary").map(|job| format!("job {}", job.name)));
    if let Err(error) = squall::guard::storage::write_probe(&shared.cluster.checkpoint_folder().unwrap()) {
        scars.push(format!("no checkpoint can be written: {error}"));
    }
    scars.extend(limits(shared).into_iter().map(|group| format!("control group {}", group.display())));
    scars
}

/// Asserts that the cluster is as before, that squall says so, and that records arrive.
pub fn assert_healed(shared: &Shared) {
    canary::ensure(shared);
    // Flink forgets a dead TaskManager, and ends a cancelled job, a moment later.
    let mut last = Vec::new();
    for _ in 0..100 {
        last = scars(shared);
        if last.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(last, Vec::<String>::new());
    let status = succeeded(squall_in(&shared.home).args(["status", "--format", "json"]));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["runs"].as_array().unwrap().len(), 0, "{status}");
    assert_eq!(status["clusters"][0]["rules"].as_array().unwrap().len(), 0, "{status}");
    canary::sings(shared);
}

/// Control groups that limit a node of this cluster.
fn limits(shared: &Shared) -> Vec<PathBuf> {
    fn below(folder: &Path, named: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                if entry.file_name().to_string_lossy().starts_with(named) {
                    found.push(path.clone());
                }
                below(&path, named, found);
            }
        }
    }
    let record = json(&shared.home.join("state/clusters/it-live/cluster.json"));
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), &format!("squall-{}-", record["id"].as_str().unwrap()), &mut found);
    found
}

pub fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{:?}: {}", output.status, text(&output));
    output
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
