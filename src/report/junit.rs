//! JUnit XML for pipelines: a case for each expectation, each fault, and the run itself. Missing data is an *error*, never a pass.
//! It keeps to Jenkins' schema (`junit-10.xsd`), which knows no file or line of a case: the line is in the case's output.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::text::visible;
use super::wording;
use crate::analysis::{Outcome, Recovery, Status, Verdict};

/// The outcome as JUnit XML. `scenario_file` names the file that the expectations are written in, where it is known.
///
/// # Errors
/// If the XML cannot be written; in memory it can.
pub fn render(outcome: &Outcome, scenario_file: Option<&str>) -> Result<String, SerializeError> {
    let name = visible(&outcome.scenario).into_owned();
    let mut suite = TestSuite::new(name.as_str());
    suite.set_time(seconds(outcome.end));
    if let Some(file) = scenario_file {
        suite.extra.insert("file".into(), visible(file).as_ref().into());
    }
    for (key, value) in [
        ("run", outcome.run.as_str()),
        ("cluster", &outcome.cluster),
        ("seed", &outcome.seed.to_string()),
        ("squall", &outcome.squall),
        ("verdict", outcome.verdict.word()),
    ] {
        suite.add_property(Property::new(key, visible(value).as_ref()));
    }
    let mut cases: Vec<TestCase> = Vec::new();
    for expectation in &outcome.expectations {
        let observed = wording::observed(expectation);
        let status = match expectation.status {
            Status::Met => TestCaseStatus::success(),
            Status::Failed => wrong(NonSuccessKind::Failure, "expectation", &format!("observed {observed}")),
            Status::NoData => wrong(NonSuccessKind::Error, "no data", &observed),
        };
        let mut case = case(&expectation.text, &name, "expect", status);
        case.set_system_out(visible(&format!("line {}: {observed}", expectation.line)).as_ref());
        cases.push(case);
    }
    for fault in &outcome.faults {
        let words = wording::recovery(fault);
        let status = if fault.acted { TestCaseStatus::success() } else { wrong(NonSuccessKind::Error, "did not act", &words) };
        let title = format!("{}: {} {}", wording::fault_name(&fault.fault), fault.kind, fault.target);
        let mut case = case(&title, &name, "fault", status);
        case.set_system_out(visible(&words).as_ref());
        if let Recovery::Recovered { time } = &fault.recovery {
            case.set_time(seconds(time.value));
        }
        cases.push(case);
    }
    let said = cases.iter().any(|case| !matches!(case.status, TestCaseStatus::Success { .. }));
    let status = match outcome.verdict {
        Verdict::Met | Verdict::Failed => TestCaseStatus::success(),
        Verdict::Inconclusive if said && outcome.generator.is_ok() => TestCaseStatus::success(),
        verdict => wrong(NonSuccessKind::Error, verdict.word(), &wording::verdict_detail(outcome)),
    };
    let mut whole = case("ran to its end, kept its schedule, cleaned up", &name, "run", status);
    if !outcome.open_undos.is_empty() {
        whole.set_system_err(visible(&format!("still active: {}", outcome.open_undos.join("; "))).as_ref());
    }
    cases.push(whole);
    suite.add_test_cases(cases);
    let mut report = Report::new("squall");
    report.add_test_suite(suite);
    strict(&report)
}

/// The report as XML. The count of skipped cases, which Jenkins' schema knows of a suite and not of all suites, is left out there.
pub(super) fn strict(report: &Report) -> Result<String, SerializeError> {
    let xml = report.to_string()?;
    let Some(from) = xml.find("<testsuites ") else { return Ok(xml) };
    let to = xml[from..].find('>').map_or(xml.len(), |length| from + length);
    Ok(format!("{}{}{}", &xml[..from], xml[from..to].replace(" skipped=\"0\"", ""), &xml[to..]))
}

fn case(title: &str, scenario: &str, part: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(visible(title).as_ref(), status);
    case.set_classname(format!("{scenario}.{part}"));
    case
}

fn wrong(kind: NonSuccessKind, sort: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(sort).set_message(visible(message).as_ref());
    status
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn counts_agree_with_the_outcome() {
        let xml = render(&sample::kill(), Some("scenarios/taskmanager-loss.yaml")).unwrap();
        assert!(xml.contains(r#"<testsuite name="taskmanager-loss" tests="7" skipped="0" errors="1" failures="1""#), "{xml}");
        assert!(xml.contains(r#"file="scenarios/taskmanager-loss.yaml""#) && xml.contains("line 21: 14.1 k at 0:51"), "{xml}");
        let read = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!(read.test_suites[0].test_cases.len(), 7);
    }

    /// By `xmllint`, of Debian's libxml2-utils.
    #[test]
    fn the_strict_schema_of_jenkins_accepts_it() {
        let folder = tempfile::tempdir().unwrap();
        let schema = format!("{}/tests/fixtures/junit/junit-10.xsd", env!("CARGO_MANIFEST_DIR"));
        let mut broken = sample::kill();
        broken.verdict = Verdict::CleanupIncomplete;
        broken.open_undos = vec!["sink: remove the delay".to_owned()];
        let outcomes = [sample::kill(), sample::kill_and_slow_sink(), sample::hostile(), sample::day(), broken];
        let mut command = std::process::Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema", &schema]);
        for (index, outcome) in outcomes.iter().enumerate() {
            let path = folder.path().join(format!("{index}.xml"));
            std::fs::write(&path, render(outcome, Some("scenarios/a.yaml")).unwrap()).unwrap();
            command.arg(path);
        }
        let output = command.output().expect("xmllint is not installed: apt-get install libxml2-utils, or ./dev setup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn whatever_is_not_met_is_never_green() {
        for verdict in [Verdict::CleanupIncomplete, Verdict::Interrupted, Verdict::ToolError, Verdict::Aborted, Verdict::Inconclusive] {
            let mut outcome = sample::kill();
            outcome.verdict = verdict;
            outcome.expectations.retain(|expectation| expectation.status == Status::Met);
            let xml = render(&outcome, None).unwrap();
            assert!(xml.contains(r#"errors="1""#), "{verdict:?}: {xml}");
        }
    }

    #[test]
    fn hostile_names_stay_text() {
        let xml = render(&sample::hostile(), Some("]]><x>")).unwrap();
        assert!(!xml.contains("<script>") && !xml.contains("]]>") && !xml.contains('\u{1b}'));
        let read = Report::deserialize_from_str(&xml).unwrap();
        assert!(read.test_suites[0].test_cases[0].name.as_str().starts_with("<script>alert(1)</script>"));
    }
}
