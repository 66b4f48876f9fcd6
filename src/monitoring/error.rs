use serde::Deserialize;

use crate::http;

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be asked, or answered with an error.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// No series matches now.
    #[error("the answer is empty: no series matches, or none was scraped lately")]
    Empty,
    /// One value is wanted.
    #[error("{count} series, and one is wanted: write sum(…), max(…) or a narrower selector ({first}, …)")]
    Several {
        /// How many.
        count: usize,
        /// Labels of the first.
        first: String,
    },
    /// The value is `NaN` or infinite.
    #[error("the value is {0}")]
    NoNumber(String),
    /// A range vector or a string.
    #[error("the query gives a {0}, and one value is wanted")]
    NoInstant(String),
}

/// What an error answer says: Prometheus in `error`, Grafana in `message`; of anything else the first line.
pub(super) fn said(body: &str) -> String {
    #[derive(Deserialize)]
    struct Refused {
        #[serde(alias = "message")]
        error: String,
    }
    let line = || body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an empty answer").chars().take(300).collect();
    serde_json::from_str::<Refused>(body).map_or_else(|_| line(), |refused| refused.error)
}
