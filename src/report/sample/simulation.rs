//! The pipeline, second by second.

use std::collections::BTreeMap;

use crate::analysis::*;
use crate::clock::Timestamp;
use crate::journal::{CheckpointParts, CheckpointRecord, Of};
use crate::metric::Metric;

use super::{Disturbance, RATE, START};

/// Noise that is the same everywhere: a linear congruential generator (Knuth's MMIX constants), −1 to 1.
pub struct Noise(pub u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// The pipeline, simulated in steps of half a second: what is read waits for the next checkpoint to become visible.
pub struct Simulated {
    pub series: Vec<Series>,
    pub latency: Vec<LatencySeries>,
    pub checkpoints: Vec<CheckpointRecord>,
}

pub fn simulate(end: f64, disturbances: &[Disturbance], slow: Option<(f64, f64)>) -> Simulated {
    let mut noise = Noise(42);
    let down = |t: f64| disturbances.first().is_some_and(|&(from, to, _)| t >= from && t < to + 1.9);
    let slowed = |t: f64| slow.is_some_and(|(from, to)| t >= from && t < to);
    let restarting = |t: f64| disturbances.first().is_some_and(|&(from, to, _)| t >= from + 2.1 && t < to);
    let mut points: BTreeMap<(Metric, Of), Vec<(f64, f64)>> = BTreeMap::new();
    let mut latency: BTreeMap<Metric, Vec<(f64, f64, f64, f64)>> = BTreeMap::new();
    let mut checkpoints = Vec::new();
    let (mut produced, mut read, mut visible, mut committed) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    let mut id = 1;
    let steps = (end * 2.0) as usize;
    for step in 0..=steps {
        let t = step as f64 / 2.0;
        let mut put = |metric, of: Of, value: f64| points.entry((metric, of)).or_default().push((t, value));
        let input = RATE + 18.0 * noise.next();
        produced += input / 2.0;
        let was_visible = visible;
        if !down(t) {
            read = (read + 3350.0 / 2.0).min(produced - 40.0 - 30.0 * noise.next().abs()).max(read);
        }
        let every = if slowed(t) { 6 } else { 4 };
        if step % every == 0 && step > 0 {
            let failed = step == 92;
            if !down(t) || failed {
                let delay = if slowed(t) { 1.4 } else { 0.045 } + 0.02 * noise.next().abs();
                if !failed {
                    visible = read;
                    committed = read;
                }
                checkpoints.push(checkpoint(id, t, delay, failed, &mut noise));
                id += 1;
            }
        } else if !down(t) && step % every == 2 && !slowed(t) {
            visible = (visible + 3.0 * (read - visible) / 4.0).min(read);
        }
        let lag = produced - visible;
        put(Metric::Input, Of::Run, input);
        put(Metric::Output, Of::Run, (visible - was_visible) * 2.0);
        put(Metric::OutputLag, Of::Run, lag);
        put(Metric::PositionLag, Of::Run, if restarting(t) { f64::NAN } else { produced - read });
        put(Metric::CommittedLag, Of::Run, produced - committed);
        put(Metric::TimeLag, Of::Run, lag / RATE);
        for partition in 0..4u32 {
            let share = [0.26, 0.25, 0.25, 0.24][partition as usize] * (1.0 + 0.04 * noise.next());
            let of = || Of::Partition { topic: "orders".to_owned(), partition };
            put(Metric::OutputLag, of(), lag * share);
            put(Metric::PositionLag, of(), if restarting(t) { f64::NAN } else { (produced - read) * share });
            put(Metric::CommittedLag, of(), (produced - committed) * share);
            put(Metric::TimeLag, of(), lag / RATE * (1.0 + 0.03 * noise.next()));
        }
        for vertex in ["Source: orders", "enrich", "enriched: Writer"] {
            for index in 0..2u32 {
                let of = || Of::Subtask { vertex: vertex.to_owned(), index };
                let (busy, pressed) = if restarting(t) {
                    (f64::NAN, f64::NAN)
                } else if slowed(t) {
                    if vertex.starts_with("enriched") { (0.82, 0.0) } else { (0.2, 0.55) }
                } else if t > 50.0 && t < 62.0 {
                    (0.93, 0.04)
                } else {
                    (0.28, 0.0)
                };
                put(Metric::Busy, of(), (busy + 0.05 * noise.next()).clamp(0.0, 1.0));
                put(Metric::Backpressure, of(), (pressed + 0.04 * noise.next()).clamp(0.0, 1.0));
            }
        }
        for (node, base) in [("tm-a", 0.34), ("tm-b", 0.31), ("tm-c", 0.22), ("jobmanager", 0.4)] {
            let alive = match node {
                "tm-b" => t < 45.0,
                "tm-c" => t >= 50.1,
                _ => true,
            };
            let heap = base + 0.22 * ((t * 0.11 + base * 10.0).fract());
            put(Metric::Heap, Of::Node(node.to_owned()), if alive { heap } else { f64::NAN });
            put(Metric::GcTime, Of::Node(node.to_owned()), if alive { 0.004 * t } else { f64::NAN });
        }
        let p99 = (lag / RATE).max(0.2) * 1.1;
        for (metric, p50, p99) in [
            (Metric::VisibleLatency, p99 * 0.5, p99),
            (Metric::EndToEndLatency, if down(t) { 1.9 } else { 0.012 }, if down(t) { 6.0 } else { 0.09 }),
            (Metric::ProduceLatency, 0.0021, 0.0078),
            (Metric::Slip, 0.0001, 0.0009),
        ] {
            if step % 2 == 0 {
                let wobble = 1.0 + 0.1 * noise.next();
                latency.entry(metric).or_default().push((t, p50 * wobble, p99 * wobble, p99 * wobble * 1.3));
            }
        }
    }
    Simulated {
        series: points.into_iter().map(|((metric, of), points)| Series { metric, of, unit: metric.unit(), points }).collect(),
        latency: latency.into_iter().map(|(metric, points)| LatencySeries { metric, points }).collect(),
        checkpoints,
    }
}

pub fn checkpoint(id: u64, t: f64, delay: f64, failed: bool, noise: &mut Noise) -> CheckpointRecord {
    let triggered = Timestamp::from_millis(START + (t * 1000.0) as i64);
    let duration = 0.12 + delay + 0.03 * noise.next().abs();
    CheckpointRecord {
        id,
        status: if failed { "failed" } else { "completed" }.to_owned(),
        savepoint: false,
        triggered,
        ended: Some(Timestamp::from_millis(START + ((t + duration) * 1000.0) as i64)),
        duration_s: Some(duration),
        slowest: (!failed).then(|| CheckpointParts {
            subtask: "enriched: Writer (1)".to_owned(),
            start_delay_s: 0.006,
            alignment_s: 0.004,
            sync_s: delay,
            async_s: 0.021,
            end_to_end_s: duration - 0.02,
        }),
        checkpointed_bytes: 14_800 + id * 3,
        state_bytes: 21_000 + id * 3,
        failure: failed.then(|| "Checkpoint was declined: task failure".to_owned()),
    }
}
