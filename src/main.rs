//! The `squall` command.

fn main() -> std::process::ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    allocate_for_days();
    squall::cli::main().into()
}

/// Answers of Flink and histograms have more bytes than this; hardly anything else has.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 64 * 1024;

/// Makes glibc keep what is in use, and little else, for days.
///
/// It lets threads have eight arenas a core. What is freed in one is of no use to the others, so that each of them grows to a high water of
/// its own; and no more threads than cores allocate at once. And once a large block was freed, it takes blocks of that size from its arenas,
/// where small ones that live long come to lie between them: large ones have pages of their own, which the system has back when they go.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn allocate_for_days() {
    use nix::libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, mallopt};

    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // SAFETY: no other thread is there yet, and this only sets numbers. Refused, it leaves them as they were.
    unsafe {
        mallopt(M_ARENA_MAX, i32::try_from(cores).unwrap_or(i32::MAX));
        mallopt(M_MMAP_THRESHOLD, LARGE);
    }
}
