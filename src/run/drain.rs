//! Reading the sink to its end: after a checkpoint that began after the last record has completed, or everything
//! acknowledged was seen; then to the high watermark.

use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::delivery::Verifier;

use super::recorder::Recorder;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until everything of this run can be in the sink, committed. `last` is when the last record was acknowledged. Gives up at
/// `deadline`.
pub async fn settle(recorder: &Recorder, verifier: &Verifier, acknowledged: u64, last: Timestamp, interval: Duration, deadline: Timestamp) {
    loop {
        let now = clock::now();
        let complete = verifier.counts().1 >= acknowledged;
        let checkpointed = recorder.ask(|analysis| analysis.checkpoint_began_after(last));
        let ended = recorder.ask(|analysis| matches!(analysis.job_state(), Some("FAILED" | "CANCELED" | "FINISHED" | "LOST")));
        // Everything may be there before that checkpoint; a copy could still follow with it.
        if checkpointed || ((complete || ended) && now >= last.plus(2 * interval)) || now >= deadline {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
