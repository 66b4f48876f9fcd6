//! `abort-when:` — the grammar.

use super::expect::problem;
use crate::diagnostic::Problem;
use crate::scenario::expectation::{AbortCondition, parse_condition};
use crate::scenario::spec::Scenario;
use crate::scenario::yaml::{Loaded, way};

pub(super) fn parse(loaded: &Loaded<Scenario>) -> (Vec<AbortCondition>, Vec<Problem>) {
    let mut conditions = Vec::new();
    let mut problems = Vec::new();
    for (index, text) in loaded.value.abort_when.iter().enumerate() {
        match parse_condition(text, &loaded.value.queries) {
            Ok((condition, hold)) => conditions.push(AbortCondition {
                text: text.clone(),
                line: loaded.line(way!["abort-when", index]),
                condition,
                hold,
                on_no_data: loaded.value.on_no_data,
            }),
            Err(error) => problems.push(problem(loaded, "abort-when", index, &error)),
        }
    }
    (conditions, problems)
}
