//! The verdict over a run and its reasons, in the order of the exit codes: 5, 130, 1, 98, 99, 4, 0.

use super::Analysis;
use super::outcome::{ExpectationOutcome, FaultOutcome, Status, Verdict};
use crate::journal::Ending;

impl Verdict {
    /// The exit code that says it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::CleanupIncomplete => 5,
            Self::Interrupted => 130,
            Self::ToolError => 1,
            Self::Aborted => 98,
            Self::Failed => 99,
            Self::Inconclusive => 4,
            Self::Met => 0,
        }
    }
}

impl Analysis {
    /// Undos that were not read back as restored, in words. Where squall is gone, what heals by itself is not among them.
    pub(super) fn open_undos(&self) -> Vec<String> {
        let gone = self.run.ending.is_none();
        self.faults
            .open_undos()
            .filter(|(_, undo)| !(gone && undo.heals_alone()))
            .map(|(id, undo)| {
                let seen = undo.ended.as_ref().map_or("not tried", |(_, _, seen)| seen.as_str());
                let inverse = serde_json::to_string(&undo.inverse).unwrap_or_default();
                format!("undo {} of {}: {inverse}: {seen}", id.0, undo.fault.name)
            })
            .collect()
    }

    /// The verdict, and why, most important first.
    pub(super) fn verdict(
        &self,
        expectations: &[ExpectationOutcome],
        faults: &[FaultOutcome],
        generator: &Result<(), String>,
        open_undos: &[String],
    ) -> (Verdict, Vec<String>) {
        let mut reasons: Vec<(Verdict, String)> = Vec::new();
        reasons.extend(open_undos.iter().map(|undo| (Verdict::CleanupIncomplete, format!("not undone: {undo}"))));
        if self.run.clean == Some(false) && open_undos.is_empty() {
            reasons.push((Verdict::CleanupIncomplete, "the cluster was not read back as restored".to_owned()));
        }
        match &self.run.ending {
            None => {
                let on = if self.run.resumable { "; `squall resume` carries the run on" } else { "" };
                reasons.push((Verdict::Interrupted, format!("the journal breaks off: squall was killed{on}")));
            }
            Some(Ending::Interrupted(signal)) => reasons.push((Verdict::Interrupted, format!("interrupted by {signal}"))),
            Some(Ending::Failed(error)) => reasons.push((Verdict::ToolError, error.clone())),
            Some(Ending::Aborted(condition)) => reasons.push((Verdict::Aborted, format!("aborted: {condition}"))),
            Some(Ending::Completed) => {}
        }
        for expectation in expectations {
            match expectation.status {
                Status::Failed => reasons.push((Verdict::Failed, format!("{}: {}", expectation.text, expectation.observed))),
                Status::NoData => reasons.push((Verdict::Inconclusive, format!("{}: {}", expectation.text, expectation.observed))),
                Status::Met => {}
            }
        }
        for (fault, recorded) in faults.iter().zip(self.faults.all()) {
            if let Err(reason) = recorded.acted()
                && !self.can_be_spared(recorded)
            {
                reasons.push((Verdict::Inconclusive, format!("{}: {reason}", fault.fault.name)));
            }
        }
        for asked in self.asked.faults.iter().filter(|asked| asked.in_checkpoint) {
            let fired = self.faults.all().iter().find(|fault| fault.id.name == asked.name && fault.id.occurrence == asked.occurrence);
            if fired.is_some_and(|fault| fault.acted().is_ok() && self.checkpoint_hit(fault).is_none()) {
                reasons.push((Verdict::Inconclusive, format!("{}: no checkpoint was in progress when it acted", asked.name)));
            }
        }
        for asked in &self.asked.faults {
            if !faults.iter().any(|fault| fault.fault.name == asked.name && fault.fault.occurrence == asked.occurrence) {
                reasons.push((Verdict::Inconclusive, format!("{}: its moment never came", asked.name)));
            }
        }
        if let Err(reason) = generator {
            reasons.push((Verdict::Inconclusive, format!("the generator did not keep its schedule: {reason}")));
        }
        reasons.sort_by_key(|(verdict, _)| *verdict);
        let verdict = reasons.first().map_or(Verdict::Met, |(verdict, _)| *verdict);
        (verdict, reasons.into_iter().map(|(_, reason)| reason).collect())
    }
}
