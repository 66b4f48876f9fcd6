//! The journal of a run: events in a versioned format, run folders, the `latest` link.
//!
//! `journal.ndjson` holds what matters for safety and verdict: small, synced line by line where it must be, never deleted.
//! `samples/` holds measurements in compressed segments. Both are numbered through, so that reading them merged gives the
//! order in which they happened.

mod event;

pub use event::{
    Accounting, CheckpointParts, CheckpointRecord, Ending, Event, EventKind, FaultId, Furthest, Of, OutputBatch, Phase, SubtaskTimes,
    UndoId,
};

/// Version of the format that this squall writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;
