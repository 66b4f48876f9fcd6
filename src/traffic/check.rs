//! What can be wrong with the settings of a stream, each with the place that it concerns.

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Keys and indexes from the stream down to the setting: `rate`, `steps`, `0`, `for`.
    pub path: Vec<String>,
    /// What is wrong, as a lower-case fragment.
    pub what: String,
}

impl Problem {
    /// A problem of one setting.
    pub fn new(setting: &str, what: impl Into<String>) -> Self {
        let path = if setting.is_empty() { Vec::new() } else { vec![setting.to_owned()] };
        Self { path, what: what.into() }
    }

    /// The same problems, seen from `N` levels further up.
    pub fn below<const N: usize>(path: [&str; N], problems: Vec<Self>) -> Vec<Self> {
        problems
            .into_iter()
            .map(|problem| Self { path: path.iter().map(|&step| step.to_owned()).chain(problem.path).collect(), what: problem.what })
            .collect()
    }
}

/// A problem where `duration` is zero.
pub(super) fn not_zero(setting: &str, duration: crate::units::Duration) -> Option<Problem> {
    (duration == crate::units::Duration::ZERO).then(|| Problem::new(setting, "must be longer than 0s"))
}

/// A problem where a share is above 1.
pub(super) fn at_most_all(setting: &str, share: crate::units::Ratio) -> Option<Problem> {
    (share.0 > 1.0).then(|| Problem::new(setting, format!("{share} is more than all records")))
}
