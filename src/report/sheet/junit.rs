//! A sheet as JUnit XML: a case for each check, and one for the whole.

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::Sheet;
use crate::analysis::Status;
use crate::report::text::visible;

/// The sheet as JUnit XML.
///
/// # Errors
/// If the XML cannot be written; in memory it can.
pub fn render(sheet: &Sheet) -> Result<String, SerializeError> {
    let name = visible(&sheet.title).into_owned();
    let mut suite = TestSuite::new(name.as_str());
    for (key, value) in [("id", &sheet.id), ("squall", &sheet.squall), ("verdict", &sheet.word)] {
        suite.add_property(Property::new(key, visible(value).as_ref()));
    }
    let class = format!("{name}.{}", sheet.kind);
    let mut cases: Vec<TestCase> = sheet.checks.iter().map(|check| case(&check.text, &class, check.status, &check.observed)).collect();
    // Whatever is not good and that no check says.
    let said = sheet.checks.iter().any(|check| check.status != Status::Met);
    let status = if said && sheet.alarms.is_empty() { Status::Met } else { sheet.status };
    let mut why: Vec<&str> = sheet.alarms.iter().map(String::as_str).collect();
    why.extend(sheet.further_reasons());
    let why = if why.is_empty() { sheet.detail.clone() } else { why.join("; ") };
    cases.push(case(&format!("{} as a whole", sheet.kind), &class, status, &why));
    suite.add_test_cases(cases);
    let mut report = Report::new("squall");
    report.add_test_suite(suite);
    report.to_string()
}

fn case(title: &str, class: &str, status: Status, observed: &str) -> TestCase {
    let wrong = |kind, sort: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(sort).set_message(visible(observed).as_ref());
        status
    };
    let status = match status {
        Status::Met => TestCaseStatus::success(),
        Status::Failed => wrong(NonSuccessKind::Failure, "failed"),
        Status::NoData => wrong(NonSuccessKind::Error, "no data"),
    };
    let mut case = TestCase::new(visible(title).as_ref(), status);
    case.set_classname(class);
    case.set_system_out(visible(observed).as_ref());
    case
}
