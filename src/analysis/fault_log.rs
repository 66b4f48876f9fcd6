//! What was done, seen and undone of each fault.

use std::collections::BTreeMap;

use super::job_log::{Found, Seen};
use crate::action::{Action, Aim, Inverse, JobDeed, Strength, Testimony, TrafficChange};
use crate::journal::{FaultId, UndoId};

/// A deed that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// Step of the aim.
    pub step: u32,
    /// When the world changed.
    pub effective: Seen,
    /// What was done.
    pub what: String,
    /// Why it failed, where it did.
    pub error: Option<String>,
}

/// An undo.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// The fault that it belongs to.
    pub fault: FaultId,
    /// The step that it takes back.
    pub step: u32,
    /// What to do.
    pub inverse: Inverse,
    /// When it began.
    pub started: Option<i64>,
    /// When the world changed back, where the undo could tell.
    pub effective: Option<i64>,
    /// When it ended, whether it was seen restored, and what was seen or the error.
    pub ended: Option<(i64, bool, String)>,
}

impl Undo {
    /// Whether looking at the target showed it restored.
    pub fn restored(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, restored, _)| *restored)
    }

    /// Whether it comes true by itself when squall is gone: its own traffic ends, leases on links run out.
    pub fn heals_alone(&self) -> bool {
        matches!(self.inverse, Inverse::RestoreTraffic { .. } | Inverse::RemoveRule { .. })
    }
}

/// One occurrence of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which.
    pub id: FaultId,
    /// When it was to fire.
    pub planned: i64,
    /// Its choice.
    pub aimed: Option<Aim>,
    /// Why it chose nothing.
    pub not_aimed: Option<String>,
    /// Its deeds, in order.
    pub performed: Vec<Performed>,
    /// What its witnesses saw, by step.
    pub testimonies: BTreeMap<u32, Testimony>,
    /// Its undos, in order.
    pub undos: Vec<UndoId>,
    /// When every deed of it was over.
    pub removed: Option<i64>,
    /// The last line about it: what is new lies after.
    touched: i64,
}

impl Fault {
    fn new(id: FaultId, at: i64) -> Self {
        Self {
            id,
            planned: at,
            aimed: None,
            not_aimed: None,
            performed: Vec::new(),
            testimonies: BTreeMap::new(),
            undos: Vec::new(),
            removed: None,
            touched: at,
        }
    }

    /// Whether it lasts until its undo.
    pub fn held(&self) -> bool {
        self.aimed.as_ref().is_some_and(|aim| aim.held)
    }

    /// T0: when its first deed took effect.
    pub fn effective(&self) -> Found {
        if let Some(reason) = &self.not_aimed {
            return Err(reason.clone());
        }
        let deeds = self.performed.iter().filter(|deed| deed.error.is_none());
        match deeds.map(|deed| &deed.effective).min_by_key(|seen| seen.at) {
            Some(seen) => Ok(seen.clone()),
            None => Err(match self.performed.iter().find_map(|deed| deed.error.as_ref()) {
                Some(error) => format!("not performed: {error}"),
                None if self.aimed.is_some() => "it was aimed, and never performed".to_owned(),
                None => "its moment never came".to_owned(),
            }),
        }
    }

    /// When T0 was, where there is one.
    pub fn effective_at(&self) -> Option<i64> {
        let deeds = self.performed.iter().filter(|deed| deed.error.is_none() && self.not_aimed.is_none());
        deeds.map(|deed| deed.effective.at).min()
    }

    /// Whether the world changed and the victim carried work; the error says why it does not count.
    pub fn acted(&self) -> Result<Strength, String> {
        self.effective().map_err(|reason| format!("it did not act: {reason}"))?;
        let acted: Vec<&Testimony> = self.testimonies.values().filter(|seen| seen.acted).collect();
        if let Some(strength) = acted.iter().filter(|seen| seen.carried_work).map(|seen| seen.strength).min() {
            return Ok(strength);
        }
        Err(match (acted.first(), self.testimonies.values().next()) {
            (Some(seen), _) => format!("its victim carried no work of this job: {}", seen.what),
            (None, Some(seen)) => format!("its witness saw nothing happen: {}", seen.what),
            (None, None) => "no witness looked".to_owned(),
        })
    }

    /// The actions that it chose.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.aimed.iter().flat_map(|aim| aim.steps.iter().map(|step| &step.action))
    }

    /// The changes of the traffic among them.
    pub fn traffic_changes(&self) -> impl Iterator<Item = (&str, &TrafficChange)> {
        self.actions().filter_map(|action| match action {
            Action::Traffic { stream, change } => Some((stream.as_str(), change)),
            _ => None,
        })
    }

    /// Whether its data, and not the cluster, may make the job throw.
    pub fn changes_data(&self) -> bool {
        self.actions().any(|action| matches!(action, Action::Traffic { .. } | Action::Kafka(_)))
    }

    /// Whether its undo makes the job restart as its deed did.
    pub fn restarts_when_undone(&self) -> bool {
        self.actions().any(|action| matches!(action, Action::Job(JobDeed::Rescale { .. })))
    }

    /// Whether it acts on a link.
    pub fn disturbs_a_link(&self) -> bool {
        self.actions().any(|action| matches!(action, Action::Link { .. }))
    }
}

/// All faults of a run, in the order in which they came due.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultLog {
    faults: Vec<Fault>,
    index: BTreeMap<FaultId, usize>,
    undos: BTreeMap<UndoId, Undo>,
}

impl FaultLog {
    /// All of them.
    pub fn all(&self) -> &[Fault] {
        &self.faults
    }

    /// One of them, to be written to; made when it is new.
    pub fn entry(&mut self, id: &FaultId, at: i64) -> &mut Fault {
        let index = *self.index.entry(id.clone()).or_insert_with(|| {
            self.faults.push(Fault::new(id.clone(), at));
            self.faults.len() - 1
        });
        &mut self.faults[index]
    }

    /// A deed was tried.
    pub fn performed(&mut self, id: &FaultId, step: u32, at: i64, effective: Option<i64>, what: &str, error: Option<&String>) {
        let fault = self.entry(id, at);
        let effective = match effective {
            Some(effective) => Seen { at: effective, error: 1_000_000, source: "the deed".to_owned() },
            None => Seen::between(fault.touched, at, "between the order and the answer"),
        };
        fault.touched = at;
        fault.performed.push(Performed { step, effective, what: what.to_owned(), error: error.cloned() });
    }

    /// An undo was recorded.
    pub fn undo_recorded(&mut self, undo: UndoId, id: &FaultId, step: u32, inverse: &Inverse, at: i64) {
        let fault = self.entry(id, at);
        fault.touched = at;
        fault.undos.push(undo);
        self.undos.insert(undo, Undo { fault: id.clone(), step, inverse: inverse.clone(), started: None, effective: None, ended: None });
    }

    /// An undo, to be written to.
    pub fn undo_mut(&mut self, undo: UndoId) -> Option<&mut Undo> {
        self.undos.get_mut(&undo)
    }

    /// An undo.
    pub fn undo(&self, undo: UndoId) -> Option<&Undo> {
        self.undos.get(&undo)
    }

    /// Undos that were not read back as restored, oldest first.
    pub fn open_undos(&self) -> impl DoubleEndedIterator<Item = (UndoId, &Undo)> {
        self.undos.iter().filter(|(_, undo)| !undo.restored()).map(|(id, undo)| (*id, undo))
    }

    /// When a fault was taken away: by its last undo, or when it was said to be over. Nothing before it was said to be: a fault of several rounds is
    /// undone after each.
    pub fn removal(&self, fault: &Fault) -> Option<Seen> {
        let said = fault.removed?;
        let last = fault
            .undos
            .iter()
            .filter_map(|undo| self.undos.get(undo))
            .filter_map(|undo| {
                let (at, ..) = undo.ended.as_ref().filter(|(_, restored, _)| *restored)?;
                Some(match undo.effective {
                    Some(effective) => Seen { at: effective, error: 1_000_000, source: "its undo".to_owned() },
                    None => Seen::between(undo.started.unwrap_or(*at), *at, "its undo"),
                })
            })
            .max_by_key(|seen| seen.at);
        Some(last.filter(|_| fault.held()).unwrap_or(Seen { at: said, error: 0, source: "the end of the fault".to_owned() }))
    }
}
