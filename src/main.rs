//! The `squall` command.

fn main() -> std::process::ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    one_arena_a_core();
    squall::cli::main().into()
}

/// glibc lets threads have eight arenas a core. What is freed in one is of no use to the others, so that in a run of days each of them grows
/// to a high water of its own; and no more threads than cores allocate at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn one_arena_a_core() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // SAFETY: no other thread is there yet, and this only sets a number. Refused, it leaves the number as it was.
    unsafe { nix::libc::mallopt(nix::libc::M_ARENA_MAX, i32::try_from(cores).unwrap_or(i32::MAX)) };
}
