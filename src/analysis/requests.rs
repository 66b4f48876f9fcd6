//! Kafka requests over the links, as their proxy counted them.

use super::Analysis;
use crate::journal::Of;
use crate::metric::Metric;

impl Analysis {
    /// Requests within a stretch: link, request, count.
    pub(super) fn requests_within(&self, from: i64, to: i64) -> Vec<(String, String, u64)> {
        self.samples
            .subjects(Metric::LinkRequests)
            .filter_map(|(of, samples)| match of {
                Of::Request { link, request } => Some((link.clone(), request.clone(), samples.growth(from, to)? as u64)),
                _ => None,
            })
            .filter(|(_, _, count)| *count > 0)
            .collect()
    }
}
