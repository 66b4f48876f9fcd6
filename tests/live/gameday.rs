//! A game day on a real cluster that real Prometheus and Alertmanager (Debian's packages) watch through Flink's own reporter.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::shared::{squall_in, wait};

pub struct Watching(Vec<Child>);

impl Drop for Watching {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts both, with the rules of the example and one that is wrong on purpose. Gives their addresses.
pub fn watch(folder: &Path) -> (Watching, String, String) {
    let (prometheus, alertmanager) = (free_port(), free_port());
    let example = root().join("scenarios/gamedays");
    let config =
        std::fs::read_to_string(example.join("prometheus.yml")).unwrap().replace("127.0.0.1:9093", &format!("127.0.0.1:{alertmanager}"));
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let wrong = "      - alert: FlinkJobLag\n        expr: sum(flink_taskmanager_job_task_operator_no_such_metric) > 0\n";
    std::fs::write(folder.join("alerts.yml"), std::fs::read_to_string(example.join("alerts.yml")).unwrap() + wrong).unwrap();
    std::fs::write(folder.join("alertmanager.yml"), "route: { receiver: none }\nreceivers: [ { name: none } ]\n").unwrap();
    let start = |program: &str, arguments: &[String]| {
        let log = std::fs::File::create(folder.join(format!("{program}.log"))).unwrap();
        Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; it is Debian's package of this name"))
    };
    let watching = Watching(vec![
        start(
            "prometheus",
            &[
                "--config.file=prometheus.yml".into(),
                "--storage.tsdb.path=data".into(),
                format!("--web.listen-address=127.0.0.1:{prometheus}"),
            ],
        ),
        start(
            "prometheus-alertmanager",
            &[
                "--config.file=alertmanager.yml".into(),
                "--storage.path=alerts".into(),
                "--cluster.listen-address=".into(),
                format!("--web.listen-address=127.0.0.1:{alertmanager}"),
            ],
        ),
    ]);
    for port in [prometheus, alertmanager] {
        wait("the observers", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    }
    (watching, format!("http://127.0.0.1:{prometheus}"), format!("http://127.0.0.1:{alertmanager}"))
}

/// A webhook that notes what it is told.
fn webhook() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = heard.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = Vec::new();
            let mut some = [0; 4096];
            while !request.ends_with(b"}") {
                let read = socket.read(&mut some).unwrap();
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&some[..read]);
            }
            let text = String::from_utf8_lossy(&request);
            noted.lock().unwrap().push(text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned());
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (address, heard)
}

fn day(home: &Path, file: &Path) -> (i32, Value, String) {
    let output = squall_in(home)
        .args(["gameday", "run"])
        .arg(file)
        .arg("--on")
        .arg(root().join("scenarios/clusters/gameday.yaml"))
        .args(["--yes", "--keep-cluster", "--format", "json"])
        .env("GAMEDAY_WEBHOOK", home.join("unused"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let day = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no day: {said}"));
    (output.status.code().unwrap(), day, said)
}

/// `./dev qualify gameday`: the example day, then one step whose alert rule is wrong on purpose.
#[test]
#[ignore = "a quarter of an hour, and Debian's prometheus and prometheus-alertmanager"]
fn qualify_gameday() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (_watching, prometheus, alertmanager) = watch(home);
    let (hook, heard) = webhook();
    std::fs::write(home.join("hook"), &hook).unwrap();
    let scenarios = root().join("scenarios").display().to_string();
    let steps = std::env::var("SQUALL_GAMEDAY_STEPS").unwrap_or_default();
    let example = std::fs::read_to_string(root().join("scenarios/gamedays/first.yaml")).unwrap();
    let here = |text: &str| {
        text.replace("http://127.0.0.1:9090", &prometheus)
            .replace("http://127.0.0.1:9093", &alertmanager)
            .replace("../", &format!("{scenarios}/"))
            + "announce: [ { url: { file: hook }, format: slack } ]\n"
    };
    let down = || squall_in(home).args(["cluster", "down", "gameday"]).output().unwrap();

    if steps != "wrong" {
        let first = home.join("first.yaml");
        std::fs::write(&first, here(&example)).unwrap();
        let (code, record, said) = day(home, &first);
        println!("{said}");
        let silent: Vec<&Value> = record["steps"].as_array().unwrap().iter().filter(|step| step["verdict"] != "met").collect();
        if code != 0 {
            println!("{down:?}", down = down());
        }
        assert_eq!((code, silent), (0, Vec::new()), "{record:#}");
        let alerts = record["steps"][2]["alerts"].as_array().unwrap();
        assert!(alerts.len() == 2 && alerts[0]["observed"].as_str().unwrap().contains("in Alertmanager"), "{alerts:?}");
        let heard = heard.lock().unwrap().join("\n");
        for part in ["Game day first begins", "lose-one", "step taskmanager-loss is over: met", "Game day first is over: met"] {
            assert!(heard.contains(part), "{part} was not announced: {heard}");
        }
        let folder = home.join("reports/gamedays/first").join(record["id"].as_str().unwrap());
        for name in ["record.html", "record.md", "day.json", "gameday.yaml"] {
            assert!(folder.join(name).is_file(), "{name}");
        }
        if let Some(keep) = std::env::var_os("SQUALL_KEEP_RECORD") {
            for name in ["record.html", "record.md", "day.json"] {
                std::fs::copy(folder.join(name), Path::new(&keep).join(name)).unwrap();
            }
        }
    }

    let wrong = here(
        "name: wrong\nalerts: { prometheus: \"http://127.0.0.1:9090\", alertmanager: \"http://127.0.0.1:9093\" }\nsteps:\n  - name: loss\n    scenario: ../taskmanager-loss.yaml\n    \
         hypothesis: We are told of the lag.\n    expect: [ alert FlinkJobLag fires within 30s of lose-one, alert FlinkTaskManagerLost fires within 30s of lose-one ]\n",
    );
    let file = home.join("wrong.yaml");
    std::fs::write(&file, wrong).unwrap();
    let (code, record, said) = day(home, &file);
    let down = down();
    println!("{said}\n{down:?}");
    assert_eq!(code, 99, "{record:#}");
    assert_eq!(record["steps"][0]["alerts"][0]["observed"], "did not fire within 30s of lose-one");
    assert_eq!(record["steps"][0]["alerts"][1]["status"], "met");
    assert!(down.status.success());
}
