//! A cluster, the planted job's jar, and `squall run` on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use squall::action::{Identity, Role};
use squall::clock::{self, Timestamp};
use squall::cluster::{Cluster, ClusterSpec, NodeStatus, Places};
use squall::kafka::{Admin, NewTopic};

const WITHIN: Duration = Duration::from_secs(30);
/// Partitions of the topics of a case.
pub const PARTITIONS: u32 = 4;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where planted jobs run. Goes down when dropped.
pub struct Stage {
    folder: tempfile::TempDir,
    cluster_file: PathBuf,
    name: String,
    pub cluster: Cluster,
    pub runtime: tokio::runtime::Runtime,
    class_path: String,
    jar: PathBuf,
}

/// What a run left.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// The run's folder.
    pub folder: PathBuf,
    /// Its `report.json`.
    pub report: Value,
    /// What it said on both outputs.
    pub said: String,
}

impl Stage {
    /// Starts a cluster with more of Flink's configuration, and compiles the jobs against its jars.
    pub fn new(name: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "name: {name}\n\
             environment: test\n\
             kind: {{ local: {{ kafka: {{ brokers: 1 }}, flink: {{ version: \"2.3.0\", taskmanagers: 2, slots: 2, config: {{ heartbeat.interval: 2s{config} }} }} }} }}\n\
             restarted-by: {{ taskmanager: squall, jobmanager: squall }}\n\
             allow: [ everything ]\n\
             keep-at-least: {{ taskmanagers: 1 }}\n\
             writable-topics: [ \"planted-*\" ]\n"
        );
        let cluster_file = folder.path().join("cluster.yaml");
        std::fs::write(&cluster_file, &text).unwrap();
        let places =
            Places { state: folder.path().join("state"), squall: env!("CARGO_BIN_EXE_squall").into(), ..Places::from_env().unwrap() };
        let up = squall(folder.path()).args(["cluster", "up"]).arg(&cluster_file).output().unwrap();
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let spec: ClusterSpec = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(&text)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cluster = runtime.block_on(Cluster::attach(&spec, &places)).unwrap();
        let class_path = class_path(&runtime.block_on(cluster.view()).unwrap());
        let jar = folder.path().join("planted.jar");
        let built = Command::new("bash").arg(root().join("tests/jobs/build.sh")).arg(&class_path).arg(&jar).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { folder, cluster_file, name: name.to_owned(), cluster, runtime, class_path, jar }
    }

    /// A folder for files of a case.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The jar with the planted jobs.
    pub fn jar(&self) -> &Path {
        &self.jar
    }

    /// Makes the topics of a case: their names.
    pub fn topics(&self, case: &str) -> (String, String) {
        let admin = self.admin();
        let make = |name: String| {
            let config = BTreeMap::from([("message.timestamp.type".to_owned(), "LogAppendTime".to_owned())]);
            admin.create_topic(&NewTopic { name: name.clone(), partitions: PARTITIONS, replicas: 1, config }, WITHIN).unwrap();
            name
        };
        (make(format!("planted-{case}-orders")), make(format!("planted-{case}-enriched")))
    }

    pub fn admin(&self) -> Admin {
        Admin::new(&self.cluster.addresses().kafka.harness).unwrap()
    }

    /// Runs a scenario; `meanwhile` is called with the moment of the schedule's zero.
    pub fn run(&self, scenario: &str, text: &str, meanwhile: impl FnOnce(Timestamp)) -> Ran {
        self.run_as(&["run"], scenario, text, meanwhile)
    }

    /// The same with another command than `run`, and its further arguments.
    pub fn run_as(&self, command_line: &[&str], scenario: &str, text: &str, meanwhile: impl FnOnce(Timestamp)) -> Ran {
        let going = self.start(command_line, scenario, text);
        meanwhile(going.zero);
        going.end()
    }

    /// Starts a run, and waits until traffic flows.
    pub fn start(&self, command_line: &[&str], scenario: &str, text: &str) -> Going<'_> {
        let file = self.folder().join(format!("{scenario}.yaml"));
        std::fs::write(&file, text).unwrap();
        let (out, err) = (self.folder().join(format!("{scenario}.out")), self.folder().join(format!("{scenario}.err")));
        let mut command = squall(self.folder());
        let (first, further) = command_line.split_first().unwrap();
        command.arg(first).arg(&file).arg("--on").arg(&self.cluster_file).args(further);
        command.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&err).unwrap());
        let before = self.runs(scenario);
        let mut child = Running(command.spawn().unwrap());
        let said = || said(&out, &err);
        let folder = wait("the journal", || {
            assert!(child.0.try_wait().unwrap().is_none(), "{}", said());
            self.runs(scenario).difference(&before).next().cloned()
        });
        let zero = wait("traffic", || {
            let journal = std::fs::read_to_string(folder.join("journal.ndjson")).unwrap();
            let line = journal.lines().find(|line| line.contains("\"traffic-started\"")).map(str::to_owned);
            assert!(line.is_some() || child.0.try_wait().unwrap().is_none(), "{}", said());
            let event: Value = serde_json::from_str(&line?).ok()?;
            serde_json::from_value(event["event"]["traffic-started"]["start"].clone()).ok()
        });
        Going { stage: self, child, folder, zero, out, err }
    }

    fn runs(&self, scenario: &str) -> BTreeSet<PathBuf> {
        let folders = std::fs::read_dir(self.folder().join("reports").join(scenario)).into_iter().flatten().flatten();
        folders.map(|entry| entry.path()).filter(|path| !path.is_symlink() && path.join("journal.ndjson").is_file()).collect()
    }

    /// `delivery` of a run, judged again from its topics alone.
    pub fn judged_again(&self, run: &Path) -> Value {
        let output = squall(self.folder())
            .arg("report")
            .arg(run)
            .arg("--verify-on")
            .arg(&self.cluster_file)
            .args(["--format", "json"])
            .output()
            .unwrap();
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        report["delivery"].clone()
    }

    /// What Kafka's own client finds in two topics.
    pub fn oracle(&self, input: &str, sink: &str) -> Value {
        let class_path = format!("{}:{}", self.jar.display(), self.class_path);
        let address = &self.cluster.addresses().kafka.harness.bootstrap;
        let java = std::env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| Path::new(&home).join("bin/java"));
        let output = Command::new(java)
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx768m", "-cp"])
            .args([&class_path, "dev.squall.jobs.Oracle", address, input, sink])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let down = squall(self.folder()).args(["cluster", "down", &self.name]).output();
        eprintln!("cluster down: {down:?}");
    }
}

/// A run on a stage, in which traffic flows.
pub struct Going<'a> {
    stage: &'a Stage,
    child: Running,
    /// Its folder.
    pub folder: PathBuf,
    /// The schedule's zero.
    pub zero: Timestamp,
    out: PathBuf,
    err: PathBuf,
}

impl Going<'_> {
    /// SIGKILL, and another squall that goes on with it `after` a while.
    pub fn cut_off(mut self, after: Duration) -> Self {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        std::thread::sleep(after);
        let append = |path: &Path| std::fs::File::options().append(true).open(path).unwrap();
        let mut resume = squall(self.stage.folder());
        resume.arg("resume").arg(&self.folder).stdout(append(&self.out)).stderr(append(&self.err));
        self.child = Running(resume.spawn().unwrap());
        self
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        let code = self.child.0.wait().unwrap().code().unwrap();
        let said = said(&self.out, &self.err);
        let report = std::fs::read_to_string(self.folder.join("report.json")).unwrap_or_else(|_| panic!("no report: {said}"));
        Ran { code, report: serde_json::from_str(&report).unwrap(), folder: self.folder, said }
    }
}

fn said(out: &Path, err: &Path) -> String {
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    format!("{}{}", text(err), text(out))
}

/// Ended with the test that it belongs to; its guard mends what it was at.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `squall` with a state and reports of its own.
fn squall(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports"));
    command.env("SQUALL_EXE", env!("CARGO_BIN_EXE_squall")).stdin(Stdio::null());
    command
}

/// The class path that the JobManager was started with.
fn class_path(nodes: &[NodeStatus]) -> String {
    let jobmanager = nodes.iter().find(|status| status.node.role == Role::Jobmanager).unwrap();
    let Identity::Process { pid, .. } = jobmanager.node.identity else { panic!("a local node is a process") };
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let mut arguments = line.split('\0').skip_while(|argument| *argument != "-cp");
    arguments.nth(1).unwrap().to_owned()
}

/// Looks until there is something, for as long as a loaded machine may need.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now().plus(Duration::from_secs(240));
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(!end.remaining().is_zero(), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
