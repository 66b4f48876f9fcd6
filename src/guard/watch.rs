//! The guard itself: watches the engine, and undoes when it dies.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::start::WATCHING;
use super::undo::{Report, undo_for_a_resume};
use super::{Error, engine, registry};
use crate::cluster::Places;
use crate::journal::{EventKind, RunFolder};

/// Between two looks at the engine. Its death also closes the guard's standard input, at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Watches the engine of the run in `folder` until the run has ended, or undoes it when the engine dies before; of a run that can be
/// resumed the faults alone. Says on stdout that
/// it watches. None when there was nothing to do.
///
/// # Errors
/// When the run's folder cannot be read, or the undo cannot begin.
pub async fn guard(folder: &Path, engine: (i32, u64), places: &Places) -> Result<Option<Report>, Error> {
    let folder = RunFolder::open(folder)?;
    let failed = |source| Error::File { path: "the engine's pipe".into(), source };
    io::stdout().write_all(WATCHING.as_bytes()).and_then(|()| io::stdout().flush()).map_err(failed)?;
    let died = watch(&folder, engine, tokio::io::stdin()).await;
    let report = if died { Some(undo_for_a_resume(&folder, places, "guard", None).await?) } else { None };
    if !died && has_ended(&folder) == Some(true) {
        registry::forget(places, &folder.run());
    }
    Ok(report)
}

/// Waits for the end of the run or of its engine; true when the engine died without an end of the run. `alive` is a pipe whose other
/// end closes when the engine dies or lets go of the guard.
async fn watch(folder: &RunFolder, engine: (i32, u64), mut alive: impl tokio::io::AsyncRead + Unpin) -> bool {
    let mut held = true;
    loop {
        let gone = !engine::is_alive(engine);
        // Looked at in this order, so that a last line that was written before the death is seen.
        if (gone || !held) && has_ended(folder).is_some() {
            return false;
        }
        if gone {
            return true;
        }
        let mut byte = [0];
        tokio::select! {
            // Nobody writes into it: whatever is read, it is the end.
            _ = alive.read(&mut byte), if held => held = false,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether the run's last line is there, and if so, whether it left nothing.
fn has_ended(folder: &RunFolder) -> Option<bool> {
    match folder.last_event() {
        Ok(Some(event)) => match event.event {
            EventKind::RunEnded { clean, .. } => Some(clean),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::process::{Child, Command};

    use super::*;
    use crate::guard::own_identity;
    use crate::journal::{Ending, Writer};

    fn run() -> (tempfile::TempDir, RunFolder, Writer) {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "s", "r").unwrap();
        let mut writer = Writer::create(folder.clone()).unwrap();
        writer.append_now(EventKind::RunStarted { schema: 1, run: "r".into(), squall: "0".into(), engine: own_identity() }).unwrap();
        (root, folder, writer)
    }

    fn end(writer: &mut Writer) {
        writer.append_now(EventKind::RunEnded { ending: Ending::Completed, clean: true }).unwrap();
    }

    fn somebody() -> (Child, (i32, u64)) {
        let child = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        (child, (pid, engine::start_ticks(pid).unwrap()))
    }

    #[tokio::test]
    async fn an_engine_that_dies_is_noticed_unless_the_run_had_ended() {
        let (_root, folder, mut writer) = run();
        let (mut child, engine) = somebody();
        let (_held, pipe) = tokio::io::duplex(1);
        let (died, ()) = tokio::join!(watch(&folder, engine, pipe), async { child.kill().await.unwrap() });
        assert!(died);
        end(&mut writer);
        let (_held, pipe) = tokio::io::duplex(1);
        assert!(!watch(&folder, engine, pipe).await);
    }

    #[tokio::test]
    async fn it_watches_on_until_the_last_line_when_the_engine_lets_go() {
        let (_root, folder, mut writer) = run();
        let (_child, engine) = somebody();
        let (held, pipe) = tokio::io::duplex(1);
        let engine_goes_on = async {
            drop(held);
            tokio::time::sleep(Duration::from_millis(1)).await;
            end(&mut writer);
        };
        let (died, ()) = tokio::join!(watch(&folder, engine, pipe), engine_goes_on);
        assert!(!died);
    }
}
