//! What somebody may have meant.

/// The candidate that is nearest to `written`, if it is near enough to be what was meant: at most a third of the letters
/// differ (Damerau–Levenshtein, as rustc does), or one is the other's beginning or end.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            let allowed = written.chars().count().max(candidate.chars().count()).max(3) / 3;
            let contained = lower.len() >= 4
                && (candidate.starts_with(&lower) || candidate.ends_with(&lower) || (candidate.len() >= 4 && lower.contains(candidate)));
            (distance <= allowed || contained).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let faults = ["kill-taskmanager", "delay-sink", "skew-keys"];
        assert_eq!(did_you_mean("kill-taskmanger", faults), Some("kill-taskmanager"));
        assert_eq!(did_you_mean("KILL-TASKMANAGER", faults), Some("kill-taskmanager"));
        assert_eq!(did_you_mean("taskmanager", faults), Some("kill-taskmanager"));
        assert_eq!(did_you_mean("bananas", faults), None);
        assert_eq!(did_you_mean("", faults), None);
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed([]), "");
    }
}
