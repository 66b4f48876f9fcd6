//! Values of a real Prometheus (Debian's package) that scrapes Flink's own reporter, in expectations and abort conditions.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use squall::journal::{EventKind, Of, Reader, RunFolder};
use squall::metric::Metric;

use super::gameday::{free_port, root, watch};
use super::shared::{Going, json, scenario, squall_in, wait};

/// The queries of the example, and what is no answer.
const STRANGE: &str = "queries:\n  \
    none: { promql: no_such_metric, unit: count, every: 1s }\n  \
    several: { promql: up, unit: count, every: 1s }\n  \
    nan: { promql: vector(0) / 0, unit: ratio, every: 1s }\n  \
    wrong: { promql: 'sum(', unit: count, every: 1s }\n  \
    fine: { promql: vector(7), unit: records, every: 1s }\n\
    expect:\n  - query none < 5\n  - query several < 5\n  - query nan < 5%\n  - query wrong < 5\n  - query fine < 8\n";

fn run(home: &Path, cluster: &Path, scenario: &Path) -> (i32, Value, String) {
    let output: Output =
        squall_in(home).arg("run").arg(scenario).arg("--on").arg(cluster).args(["--keep-cluster", "--format", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {said}"));
    (output.status.code().unwrap(), report, said)
}

/// Text of what is told at `/metrics`.
fn metrics(port: u16) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.ok()?.text().await.ok() })
}

/// Seconds and values of a metric of a subject.
fn samples(folder: &RunFolder, wanted: Metric, subject: &Of) -> Vec<(f64, f64)> {
    let of = |event: squall::journal::Event| match event.event {
        EventKind::Sample { metric, of, value } if metric == wanted && of == *subject => Some((event.at.0 as f64 / 1e9, value)),
        _ => None,
    };
    Reader::open(folder).unwrap().filter_map(|event| of(event.unwrap())).collect()
}

/// `./dev qualify gameday`: the example of queries, answers that are none, an abort, and a Prometheus that is gone.
#[test]
#[ignore = "ten minutes, and Debian's prometheus and prometheus-alertmanager"]
fn qualify_gameday_queries() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (watching, prometheus, _) = watch(home);
    let example = std::fs::read_to_string(root().join("scenarios/clusters/gameday.yaml")).unwrap();
    let cluster = home.join("cluster.yaml");
    std::fs::write(&cluster, example.replace("http://127.0.0.1:9090", &prometheus)).unwrap();
    let up = squall_in(home).args(["cluster", "up"]).arg(&cluster).output().unwrap();
    assert!(up.status.success(), "{up:?}");
    // Whatever fails, the cluster goes.
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(home, &cluster, watching)));
    let down = squall_in(home).args(["cluster", "down", "gameday"]).output().unwrap();
    println!("{down:?}");
    if let Err(panic) = seen {
        std::panic::resume_unwind(panic);
    }
    assert!(down.status.success());
}

fn look(home: &Path, cluster: &Path, watching: super::gameday::Watching) {
    let check = squall_in(home).args(["cluster", "check"]).arg(cluster).output().unwrap();
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    println!("{said}");
    assert!(check.status.success() && said.contains("Prometheus") && said.contains("scrapes every  1s"), "{check:?}");

    // The example: every expectation is met, and Prometheus and squall saw the same TaskManagers.
    let port = free_port();
    let mut command = squall_in(home);
    command.arg("run").arg(root().join("scenarios/observed.yaml")).arg("--on").arg(cluster);
    command.args(["--keep-cluster", "--metrics", &port.to_string()]);
    let mut going = Going::start(command, home, "observed");
    let told = wait("the query at /metrics", || metrics(port).filter(|text| text.contains("squall_query{query=\"consumer-lag\"}")));
    assert!(told.contains("squall_query{query=\"taskmanagers\"} 2"), "{told}");
    let code = going.exit_code();
    let report = going.report();
    println!("{}", std::fs::read_to_string(home.join("observed.log")).unwrap());
    assert_eq!(code, Some(0), "{:#}", report["expectations"]);
    let theirs = samples(&going.folder, Metric::Query, &Of::Query("taskmanagers".to_owned()));
    let ours = samples(&going.folder, Metric::Taskmanagers, &Of::Run);
    let fall = |samples: &[(f64, f64)]| samples.iter().find(|(_, value)| *value < 2.0).expect("one was missing").0;
    let rise = |samples: &[(f64, f64)]| samples.iter().rfind(|(_, value)| *value < 2.0).expect("one was missing").0;
    println!("one TaskManager: Prometheus {} to {}, squall {} to {}", fall(&theirs), rise(&theirs), fall(&ours), rise(&ours));
    // Scraped every second, asked every second; the Flink metric behind it is a gauge of its own.
    assert!((fall(&theirs) - fall(&ours)).abs() < 4.0 && (rise(&theirs) - rise(&ours)).abs() < 4.0);
    let html = std::fs::read_to_string(going.folder.path().join("report.html")).unwrap();
    assert!(html.contains("id=\"queries\"") && html.contains("consumer-lag over time"));
    if let Some(keep) = std::env::var_os("SQUALL_KEEP_RECORD") {
        std::fs::copy(going.folder.path().join("report.html"), PathBuf::from(keep).join("observed.html")).unwrap();
    }

    // What is no answer is no data, each with its reason.
    let (code, report, said) = run(home, cluster, &scenario(home, "strange", "", STRANGE));
    println!("{said}\n{:#}", report["expectations"]);
    let expectations = report["expectations"].as_array().unwrap();
    let reasons = ["the answer is empty", "series, and one is wanted", "the value is NaN", "parse error"];
    for (expectation, reason) in expectations.iter().zip(reasons) {
        assert_eq!(expectation["status"], "no_data");
        assert!(expectation["reason"].as_str().unwrap().contains(reason), "{expectation}");
    }
    assert_eq!((code, &expectations[4]["status"], &expectations[4]["value"]), (4, &"met".into(), &7.0.into()));

    // A condition on a query aborts.
    let queries = "queries: { always: { promql: vector(1), unit: count, every: 1s } }\nabort-when: [ query always > 0 for 3s ]\n";
    let (code, report, said) = run(home, cluster, &scenario(home, "aborted", "", queries));
    println!("{said}");
    assert_eq!((code, &report["verdict"]), (98, &"aborted".into()));

    // A Prometheus that is gone is no data, and no pass.
    drop(watching);
    let queries = "queries: { lag: { promql: vector(1), unit: count, every: 1s } }\nexpect: [ query lag < 5 ]\n";
    let (code, report, said) = run(home, cluster, &scenario(home, "alone", "", queries));
    println!("{said}\n{:#}", report["expectations"]);
    assert_eq!(code, 4);
    assert!(report["expectations"][0]["reason"].as_str().unwrap().contains("connection refused"));
    assert!(json(&home.join("reports/alone/latest/report.json"))["probes"]["query lag"].is_object());
    let check = squall_in(home).args(["cluster", "check"]).arg(cluster).output().unwrap();
    assert_eq!(check.status.code(), Some(3), "{check:?}");
}
