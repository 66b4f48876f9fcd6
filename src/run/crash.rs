//! Points at which a test ends squall as `kill -9` does. In a release there are none.

/// Names them in the environment: `FAILPOINTS=after-deed=return` ends this process when it first gets there,
/// `FAILPOINTS=during-undo=panic` makes it panic there.
pub const POINTS: [&str; 7] = ["before-journal", "after-journal", "after-deed", "while-held", "before-undo", "during-undo", "after-undo"];

/// One of [`POINTS`].
#[cfg(feature = "failpoints")]
pub fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "{name}");
    fail::fail_point!(name, |_| {
        let own = nix::unistd::getpid();
        if let Err(errno) = nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL) {
            tracing::error!("cannot end myself: {errno}");
        }
    });
}

/// One of [`POINTS`].
#[cfg(not(feature = "failpoints"))]
pub fn point(_: &'static str) {}
