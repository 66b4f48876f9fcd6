//! Alerts, as Prometheus and Alertmanager tell them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Alert {
    labels: BTreeMap<String, String>,
    /// Of Prometheus only: `pending`, `firing`.
    #[serde(default)]
    pub state: String,
}

/// Their names; several of one name are one.
pub(super) fn names(alerts: impl IntoIterator<Item = Alert>) -> BTreeSet<String> {
    alerts.into_iter().filter_map(|mut alert| alert.labels.remove("alertname")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_of_both_are_read() {
        let fires = r#"[{"labels":{"alertname":"A"},"annotations":{},"state":"firing","activeAt":"x","value":"1"},{"labels":{"alertname":"B"},"state":"pending"}]"#;
        let alerts: Vec<Alert> = serde_json::from_str(fires).unwrap();
        assert_eq!(names(alerts.into_iter().filter(|alert| alert.state == "firing")), ["A".to_owned()].into());
        let managed: Vec<Alert> = serde_json::from_str(r#"[{"labels":{"alertname":"A"},"status":{"state":"active"}}]"#).unwrap();
        assert_eq!(names(managed), ["A".to_owned()].into());
    }
}
