use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hdrhistogram::Histogram;
use squall::clock;

/// A thread that only sleeps, a millisecond at a time: how late it is woken is what the machine adds to everybody's slip.
pub struct Sleeper {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Histogram<u64>>,
}

impl Sleeper {
    pub fn start() -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let thread = thread::spawn(move || {
            let mut late = Histogram::new(3).unwrap();
            while !told.load(Ordering::Relaxed) {
                let due = clock::now().plus(Duration::from_millis(1));
                thread::sleep(Duration::from_millis(1));
                late.record((clock::now().0 - due.0).max(0).unsigned_abs() / 1000).unwrap();
            }
            late
        });
        Self { enough, thread }
    }

    /// Microseconds.
    pub fn stop(self) -> Histogram<u64> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
