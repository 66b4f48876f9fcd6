//! Why a run ends before its time: signals, an abort condition, a full disk, a lost cluster.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::journal::Ending;

/// Hands the first reason to stop to everybody who waits; later ones are ignored.
#[derive(Debug, Clone)]
pub struct Stop {
    reason: watch::Sender<Option<Ending>>,
}

/// See [`Stop::of_one_run`].
#[derive(Debug)]
pub struct OneRun {
    own: Stop,
    hears: tokio::task::JoinHandle<()>,
}

impl OneRun {
    /// The run's own.
    pub fn stop(&self) -> &Stop {
        &self.own
    }
}

impl Drop for OneRun {
    fn drop(&mut self) {
        self.hears.abort();
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self { reason: watch::Sender::new(None) }
    }
}

impl Stop {
    /// Ends the run, unless it is ending already.
    pub fn now(&self, ending: Ending) {
        self.reason.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                *reason = Some(ending);
            }
            first
        });
    }

    /// A stop for one run among several, which ends with this one and ends nobody else.
    pub fn of_one_run(&self) -> OneRun {
        let own = Self::default();
        let hears = tokio::spawn({
            let (all, own) = (self.clone(), own.clone());
            async move { own.now(all.wait().await) }
        });
        OneRun { own, hears }
    }

    /// The reason, when there is one.
    pub fn reason(&self) -> Option<Ending> {
        self.reason.borrow().clone()
    }

    /// Waits until the run is to end.
    pub async fn wait(&self) -> Ending {
        let mut receiver = self.reason.subscribe();
        loop {
            if let Some(ending) = receiver.borrow_and_update().clone() {
                return ending;
            }
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs `work` unless the run is to end first.
    ///
    /// # Errors
    /// The reason to stop.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Result<T, Ending> {
        tokio::select! {
            biased;
            ending = self.wait() => Err(ending),
            done = work => Ok(done),
        }
    }

    /// Listens to SIGINT, SIGTERM and SIGHUP for as long as the returned task lives. From the second signal on
    /// `again` is called, which tells the impatient that undoing goes on.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen(&self, again: impl Fn(&str) + Send + 'static) -> std::io::Result<tokio::task::JoinHandle<()>> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let stop = self.clone();
        Ok(tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = interrupt.recv() => "SIGINT",
                    _ = terminate.recv() => "SIGTERM",
                    _ = hangup.recv() => "SIGHUP",
                };
                if stop.reason().is_some() {
                    again(name);
                }
                stop.now(Ending::Interrupted(name.to_owned()));
            }
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_one_run_is_not_the_end_of_all_and_the_end_of_all_is_that_of_each() {
        let all = Stop::default();
        let first = all.of_one_run();
        first.stop().now(Ending::Completed);
        assert_eq!(all.reason(), None);
        drop(first);
        let second = all.of_one_run();
        all.now(Ending::Interrupted("SIGINT".into()));
        assert_eq!(second.stop().wait().await, Ending::Interrupted("SIGINT".into()));
    }

    #[tokio::test]
    async fn the_first_reason_counts() {
        let stop = Stop::default();
        assert_eq!(stop.unless(async { 1 }).await, Ok(1));
        stop.now(Ending::Aborted("lag".into()));
        stop.now(Ending::Interrupted("SIGINT".into()));
        assert_eq!(stop.wait().await, Ending::Aborted("lag".into()));
        assert_eq!(stop.unless(std::future::pending::<()>()).await, Err(Ending::Aborted("lag".into())));
    }
}
