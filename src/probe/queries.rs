//! Queries of Prometheus that the scenario names: one task each, at its own pace.
//!
//! Prometheus answers from what it scraped: a value is as old as its last scrape, so the scrape interval is the age that its cache adds. What is
//! empty, `NaN`, more than one series or not answered is recorded as a look that failed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{failed, ticks};
use crate::clock::OffsetEstimator;
use crate::journal::{EventKind, Of, Record, query_probe};
use crate::metric::Metric;
use crate::monitoring::Prometheus;

/// Prometheus' own default, where it does not say how often it scrapes.
const ASSUMED: Duration = Duration::from_secs(60);
/// Rounds between two questions for the scrape interval, until it is known.
const ASK_INTERVAL_EVERY: u32 = 12;

/// One query.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its name in the scenario.
    pub name: String,
    /// What is asked.
    pub promql: String,
    /// How often.
    pub every: Duration,
}

/// What the probe asks.
#[derive(Debug, Clone)]
pub struct Queries {
    /// Whom.
    pub prometheus: Prometheus,
    /// For what.
    pub queries: Vec<Query>,
}

impl Queries {
    /// Starts the probe; it ends with `tasks`.
    pub fn start(self, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
        for query in self.queries {
            let (prometheus, record) = (self.prometheus.clone(), record.clone());
            tasks.spawn(async move { watch(&prometheus, &query, &*record).await });
        }
    }
}

async fn watch(prometheus: &Prometheus, query: &Query, record: &dyn Record) {
    let probe = query_probe(&query.name);
    let mut ticks = ticks(record, &probe, query.every, ASSUMED);
    let mut scraped_every = None;
    let mut clock = OffsetEstimator::default();
    let mut last = None;
    let mut round = 0u32;
    loop {
        ticks.tick().await;
        if scraped_every.is_none() && round.is_multiple_of(ASK_INTERVAL_EVERY) {
            // Not every service that speaks this API tells: then the default stands.
            scraped_every = prometheus.scrape_interval().await.ok().flatten();
            if let Some(cache) = scraped_every {
                record.record(EventKind::Resolution { probe: probe.clone(), interval: query.every.into(), cache });
            }
        }
        round = round.wrapping_add(1);
        let answer = match prometheus.query(&query.promql).await {
            Ok(answer) => answer,
            Err(error) => {
                failed(record, &probe, &error);
                continue;
            }
        };
        // What a cache on the way gives a second time is no new sample.
        if last.replace(answer.at) == Some(answer.at) {
            continue;
        }
        clock.observe(answer.sent, answer.at, 1_000_000, answer.received);
        let at = clock.estimate().map_or(answer.received, |offset| offset.to_ours(answer.at)).min(answer.received);
        record.record_at(at, EventKind::Sample { metric: Metric::Query, of: Of::Query(query.name.clone()), value: answer.value.value });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::clock::{self, Timestamp};
    use crate::http::Access;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(Timestamp, EventKind)>>);

    impl Record for Kept {
        fn record_at(&self, at: Timestamp, event: EventKind) {
            self.0.lock().unwrap().push((at, event));
        }
    }

    /// A Prometheus an hour ahead: a value, the same answer again, nothing, a value.
    #[tokio::test]
    async fn samples_are_stamped_on_our_clock_and_what_is_missing_is_said() {
        let asked = Arc::new(Mutex::new((0, 0.0)));
        let answer = move || {
            let (round, ahead) = &mut *asked.lock().unwrap();
            *round += 1;
            if *round != 2 {
                *ahead = clock::now().0 as f64 / 1e9 + 3600.0;
            }
            let series = if *round == 3 { String::new() } else { format!(r#"{{"metric":{{}},"value":[{ahead:.3},"{round}"]}}"#) };
            let text = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#);
            async move { text }
        };
        let targets = r#"{"status":"success","data":{"activeTargets":[{"scrapeInterval":"5s"}]}}"#;
        let router = Router::new().route("/api/v1/query", get(answer)).route("/api/v1/targets", get(move || async move { targets }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let prometheus = Prometheus::new(&Access::to([address]), Path::new("")).unwrap();
        let query = Query { name: "lag".to_owned(), promql: "sum(lag)".to_owned(), every: Duration::from_millis(30) };
        let (kept, mut tasks) = (Arc::new(Kept::default()), JoinSet::new());
        let before = clock::now();
        Queries { prometheus, queries: vec![query] }.start(kept.clone(), &mut tasks);
        let looked = || kept.0.lock().unwrap().iter().filter(|(_, event)| matches!(event, EventKind::Sample { .. })).count();
        tokio::time::timeout(Duration::from_secs(20), async {
            while looked() < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap();
        tasks.shutdown().await;
        let after = clock::now();
        let events = kept.0.lock().unwrap();
        let (mut samples, mut failures, mut resolutions) = (Vec::new(), Vec::new(), Vec::new());
        for (at, event) in events.iter() {
            match event {
                EventKind::Sample { metric: Metric::Query, of: Of::Query(name), value } if name == "lag" => samples.push((*at, *value)),
                EventKind::ProbeFailed { probe, error } if probe == "query lag" => failures.push(error.as_str()),
                EventKind::Resolution { cache, .. } => resolutions.push(cache.seconds()),
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!((samples[0].1, samples[1].1), (1.0, 4.0));
        assert!(samples.iter().all(|(at, _)| *at >= before.minus(Duration::from_millis(2)) && *at <= after), "{samples:?}");
        assert_eq!(failures, ["the answer is empty: no series matches, or none was scraped lately"]);
        assert_eq!(resolutions, [60.0, 5.0]);
    }
}
