use std::future::Future;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Sleep;

use crate::clock::Timestamp;

/// A timer that is exact to some 50 µs where tokio's own are to 1 ms: a kernel timer (`timerfd`) of its own, made when first
/// needed. Without one (no file descriptor left) it falls back on tokio's.
#[derive(Default)]
pub(super) struct Alarm {
    timer: Timer,
    armed: Option<Timestamp>,
}

#[derive(Default)]
enum Timer {
    #[default]
    Unmade,
    Kernel(AsyncFd<KernelTimer>),
    Coarse(Pin<Box<Sleep>>),
}

struct KernelTimer(TimerFd);

impl AsFd for KernelTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for KernelTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Alarm {
    /// Ready once `at` has come. Asking for another moment forgets the one before.
    pub(super) fn poll_at(&mut self, cx: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        loop {
            let remaining = at.remaining();
            if remaining.is_zero() {
                return Poll::Ready(());
            }
            if self.armed != Some(at) {
                self.arm(remaining);
                self.armed = Some(at);
            }
            match &mut self.timer {
                Timer::Unmade => {}
                Timer::Kernel(timer) => match ready!(timer.poll_read_ready(cx)) {
                    Ok(mut guard) => guard.clear_ready(),
                    // The runtime is shutting down: nothing will be woken any more.
                    Err(_) => return Poll::Pending,
                },
                Timer::Coarse(sleep) => ready!(sleep.as_mut().poll(cx)),
            }
            // Woken early, or by an older setting: set it again for the rest.
            self.armed = None;
        }
    }

    /// Gives the file descriptor back.
    pub(super) fn release(&mut self) {
        *self = Self::default();
    }

    fn arm(&mut self, remaining: std::time::Duration) {
        if matches!(self.timer, Timer::Unmade)
            && let Ok(timer) = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)
        {
            // SAFETY: `KernelTimer` owns its descriptor, always names the same one, and closes it only when dropped.
            let registered = unsafe { AsyncFd::register_with_interest(KernelTimer(timer), Interest::READABLE) };
            self.timer = registered.map_or(Timer::Unmade, Timer::Kernel);
        }
        if let Timer::Kernel(timer) = &self.timer
            && timer.get_ref().0.set(Expiration::OneShot(TimeSpec::from_duration(remaining)), TimerSetTimeFlags::empty()).is_ok()
        {
            return;
        }
        self.timer = Timer::Coarse(Box::pin(tokio::time::sleep(remaining)));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn never_early_and_may_be_set_anew() {
        let mut alarm = Alarm::default();
        for micros in [0, 50, 300, 2_000] {
            let at = clock::now().plus(Duration::from_micros(micros));
            poll_fn(|cx| alarm.poll_at(cx, at)).await;
            assert!(clock::now() >= at);
        }
        let (far, near) = (clock::now().plus(Duration::from_secs(3600)), clock::now().plus(Duration::from_millis(3)));
        poll_fn(|cx| {
            assert!(alarm.poll_at(cx, far).is_pending());
            alarm.poll_at(cx, near)
        })
        .await;
        assert!(clock::now() >= near);
    }

    #[tokio::test]
    async fn without_a_kernel_timer_it_still_rings() {
        let mut alarm = Alarm { timer: Timer::Coarse(Box::pin(tokio::time::sleep(Duration::ZERO))), armed: None };
        let at = clock::now().plus(Duration::from_millis(3));
        poll_fn(|cx| alarm.poll_at(cx, at)).await;
        assert!(clock::now() >= at);
    }
}
