//! The guarantee under test against what the verifier found.

use crate::delivery::{Verdict, ViolationKind};
use crate::units::display::grouped;

/// `238,910 records: 0 lost, 0 twice, 0 corrupt`, and what else there was.
pub fn sentence(verdict: &Verdict) -> String {
    let mut text = format!(
        "{} records: {} lost, {} twice, {} corrupt",
        grouped(verdict.in_input),
        grouped(verdict.lost),
        grouped(verdict.duplicates),
        grouped(verdict.corrupt)
    );
    for (count, what) in [
        (verdict.reordered, "out of order"),
        (verdict.unexpected, "never sent"),
        (verdict.pending, "hidden by an open transaction"),
        (verdict.lost_by_kafka, "acknowledged and not in the input topic: lost by Kafka"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {} {what}", grouped(count)));
        }
    }
    for violation in &verdict.violations {
        text.push_str(", ");
        text.push_str(&violation.text);
    }
    text
}

/// Whether a guarantee held. What Kafka lost is not the job's; order is reported and no part of any guarantee. The error says why it
/// cannot be told.
pub fn holds(verdict: &Verdict, guarantee: &str) -> Result<bool, String> {
    if let Some(reason) = &verdict.no_data {
        return Err(reason.clone());
    }
    if verdict.in_input == 0 {
        return Err("no record of this run was found in the input topic".to_owned());
    }
    let sound = verdict.corrupt == 0 && verdict.unexpected == 0;
    let violated = |kind| verdict.violations.iter().any(|violation| violation.kind == kind);
    let complete = verdict.lost == 0 && !violated(ViolationKind::Missing);
    let once = verdict.duplicates == 0 && !violated(ViolationKind::Surplus);
    let held = match guarantee {
        "exactly-once" => sound && complete && once,
        "at-least-once" => sound && complete,
        // A transaction that is still open may bring no record twice.
        "at-most-once" => return Ok(sound && once),
        other => return Err(format!("`{other}` is no guarantee")),
    };
    if held && verdict.pending > 0 {
        return Err(format!("{} records were hidden by an open transaction when draining ended", grouped(verdict.pending)));
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean() -> Verdict {
        Verdict { acknowledged: 238_910, in_input: 238_910, seen: 238_910, ..Verdict::default() }
    }

    #[test]
    fn each_guarantee_forbids_its_own() {
        assert_eq!(sentence(&clean()), "238,910 records: 0 lost, 0 twice, 0 corrupt");
        let cases: [(Verdict, [bool; 3]); 4] = [
            (clean(), [true, true, true]),
            (Verdict { duplicates: 1, ..clean() }, [false, true, false]),
            (Verdict { lost: 1, ..clean() }, [false, false, true]),
            (Verdict { corrupt: 1, ..clean() }, [false, false, false]),
        ];
        for (verdict, expected) in cases {
            let found = ["exactly-once", "at-least-once", "at-most-once"].map(|guarantee| holds(&verdict, guarantee) == Ok(true));
            assert_eq!(found, expected, "{verdict:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_no_pass() {
        assert!(holds(&Verdict::default(), "exactly-once").is_err());
        assert!(holds(&Verdict { no_data: Some("no identity".into()), ..clean() }, "exactly-once").is_err());
        assert!(holds(&Verdict { pending: 4, ..clean() }, "exactly-once").is_err());
        assert_eq!(holds(&Verdict { pending: 4, lost: 1, ..clean() }, "exactly-once"), Ok(false));
        assert_eq!(holds(&Verdict { lost_by_kafka: 4, ..clean() }, "exactly-once"), Ok(true));
    }
}
