//! Wakes on time on a machine whose cores are taken: what a sending thread asks of Linux's scheduler.

use std::mem::zeroed;

use nix::libc::{SYS_sched_getattr, SYS_sched_setattr, c_long, sched_attr, syscall};

/// The shortest slice that the scheduler takes (`sched(7)`); its own is about 3 ms.
const SLICE_NS: u64 = 100_000;

/// Asks for short slices for the calling thread. It takes no right and gives no more CPU time: whoever asks for less at a time
/// gets it sooner, before the threads of the client library and of a broker on the same machine have used theirs up (EEVDF with
/// custom slices, from Linux 6.12 on). Where the kernel has nothing of the kind, nothing changes.
pub(super) fn others_soon() {
    let size = size_of::<sched_attr>();
    // SAFETY: zero is valid for every field; the kernel reads and writes at most `size` bytes of it, for this thread (0).
    let set = unsafe {
        let mut attributes: sched_attr = zeroed();
        syscall(SYS_sched_getattr, 0, &raw mut attributes, size, 0) == 0 && {
            attributes.sched_runtime = SLICE_NS;
            syscall(SYS_sched_setattr, 0, &raw const attributes, 0 as c_long) == 0
        }
    };
    if !set {
        tracing::debug!("no short slices for traffic threads: {}", std::io::Error::last_os_error());
    }
}
