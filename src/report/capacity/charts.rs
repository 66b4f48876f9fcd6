//! The pictures: recovery, latency and throughput against load and parallelism.

use super::maybe;
use crate::analysis::Sustained;
use crate::analysis::capacity::{Capacity, Leg, Purpose};
use crate::metric::Unit;
use crate::report::html::parts::{Figure, Table};
use crate::report::svg::{Curve, Plot, Spot};
use crate::units::display;

/// Points of a curve.
const STEPS: u32 = 160;

/// The picture of the first screen: recovery against load where a fault was fired, else latency.
pub(super) fn first(capacity: &Capacity, leg: &Leg) -> Vec<Figure> {
    recovery(capacity, leg).or_else(|| latency(capacity, leg)).into_iter().collect()
}

/// The others.
pub(super) fn more(capacity: &Capacity, leg: &Leg) -> Vec<Figure> {
    let mut figures = Vec::new();
    if recovery(capacity, leg).is_some() {
        figures.extend(latency(capacity, leg));
    }
    figures.extend(scaling(capacity));
    figures
}

/// Rates to point at: now, λ*_R, λ*.
fn uprights(capacity: &Capacity, leg: &Leg) -> Vec<(f64, String)> {
    let mut uprights = vec![(capacity.asked.offered, format!("now {}", display::rate(capacity.asked.offered)))];
    if let Some((rate, _)) = leg.recoverable().pass {
        uprights.push((rate, format!("recovers in time up to {}", display::rate(rate))));
    }
    if let Some((rate, _)) = leg.sustainable().pass {
        uprights.push((rate, format!("sustained up to {}", display::rate(rate))));
    }
    uprights.sort_by(|a, b| a.0.total_cmp(&b.0));
    uprights
}

fn ranges(leg: &Leg) -> Vec<(f64, f64, &'static str)> {
    let sustained = leg.sustainable();
    let Some((carried, _)) = sustained.pass else { return Vec::new() };
    let fails = sustained.fail.map_or(f64::INFINITY, |(fail, _)| fail);
    let mut ranges = match leg.recoverable().pass {
        Some((rate, _)) => vec![(0.0, rate, "good"), (rate, carried, "unsure")],
        None => vec![(0.0, carried, "good")],
    };
    if fails.is_finite() {
        ranges.push((fails, f64::INFINITY, "bad"));
    }
    ranges
}

fn recovery(capacity: &Capacity, leg: &Leg) -> Option<Figure> {
    let probes: Vec<_> = leg.probes.iter().filter_map(|probe| Some((probe, probe.recovery.as_ref()?))).collect();
    let spots: Vec<Spot> = probes
        .iter()
        .filter_map(|(probe, recovery)| {
            let (y, range) = match (recovery.time, recovery.watched) {
                (Some((time, error)), _) => (time, Some((time - error, time + error))),
                (None, Some(watched)) => (watched, Some((watched, f64::INFINITY))),
                (None, None) => return None,
            };
            let class = match recovery.met {
                Some(true) => "met",
                Some(false) => "failed",
                None => "unsure",
            };
            Some(Spot { x: probe.rate, y, range, class, title: format!("{}: {}", display::rate(probe.rate), recovery.how) })
        })
        .collect();
    if spots.is_empty() {
        return None;
    }
    let model = leg.model();
    let most = leg.sustainable().pass.map_or(0.0, |(rate, _)| rate * 1.1).max(spots.iter().map(|spot| spot.x).fold(0.0, f64::max));
    let curves = model.iter().map(|model| Curve {
        class: "c1".to_owned(),
        points: (1..=STEPS)
            .map(|step| most * f64::from(step) / f64::from(STEPS))
            .map(|rate| (rate, model.time(rate)))
            .filter(|point| point.1.is_finite())
            .collect(),
    });
    let levels = capacity.asked.objective.map(|bound| (bound, format!("objective: {}", display::seconds(bound)))).into_iter().collect();
    let plot = Plot {
        title: "recovery time against load",
        across: Unit::PerSecond,
        up: Unit::Seconds,
        spots,
        curves: curves.collect(),
        uprights: uprights(capacity, leg),
        levels,
        ranges: ranges(leg),
        height: 260.0,
    };
    let rows = probes
        .iter()
        .map(|(probe, recovery)| {
            vec![
                display::rate(probe.rate),
                recovery.how.clone(),
                model.as_ref().map_or_else(|| "–".to_owned(), |model| display::seconds(model.time(probe.rate))),
            ]
        })
        .collect();
    let fault = capacity.asked.fault.as_deref().unwrap_or("the fault");
    Some(Figure {
        title: format!("How long it takes to be back after {fault}, at each load"),
        note: "Dots: measured, met the objective; ✗: missed it. The line is the model. Green: recovers in time; amber: sustained only; red: not sustained.".to_owned(),
        parts: vec![("recovery time".to_owned(), plot.draw())],
        numbers: Table::words(&["load", "measured", "model"], rows),
        ..Figure::default()
    })
}

fn latency(capacity: &Capacity, leg: &Leg) -> Option<Figure> {
    let held: Vec<_> = leg
        .probes
        .iter()
        .filter(|probe| probe.purpose != Purpose::Grow || !matches!(probe.sustained, Sustained::No(_)))
        .filter_map(|probe| Some((probe, probe.hold.latency?)))
        .collect();
    if held.is_empty() {
        return None;
    }
    let spots = held
        .iter()
        .map(|(probe, (p50, p99))| {
            let class = match probe.sustained {
                Sustained::Yes => "met",
                Sustained::No(_) => "failed",
                Sustained::Unclear(_) => "unsure",
            };
            let title = format!("{}: p50 {}, p99 {}", display::rate(probe.rate), display::seconds(*p50), display::seconds(*p99));
            Spot { x: probe.rate, y: *p50, range: Some((*p50, *p99)), class, title }
        })
        .collect();
    let plot = Plot {
        title: "latency against load",
        across: Unit::PerSecond,
        up: Unit::Seconds,
        spots,
        curves: Vec::new(),
        uprights: uprights(capacity, leg),
        levels: capacity.asked.latency.map(|most| (most, format!("limit: {}", display::seconds(most)))).into_iter().collect(),
        ranges: ranges(leg),
        height: 220.0,
    };
    let rows =
        held.iter().map(|(probe, (p50, p99))| vec![display::rate(probe.rate), display::seconds(*p50), display::seconds(*p99)]).collect();
    Some(Figure {
        title: "Latency until a reader sees a record, at each load".to_owned(),
        note: "Dots: median; the bar goes up to p99. ✗: the rate was not sustained.".to_owned(),
        parts: vec![("visible latency".to_owned(), plot.draw())],
        numbers: Table::figures(&["load", "p50", "p99"], rows),
        ..Figure::default()
    })
}

fn scaling(capacity: &Capacity) -> Option<Figure> {
    let scaling = capacity.scaling();
    if scaling.points.len() < 2 {
        return None;
    }
    let spots = scaling
        .points
        .iter()
        .map(|(n, pass, fail)| Spot {
            x: f64::from(*n),
            y: *pass,
            range: Some((*pass, fail.unwrap_or(*pass))),
            class: "met",
            title: format!("parallelism {n}: {} to {}", display::rate(*pass), maybe(*fail, Unit::PerSecond)),
        })
        .collect();
    let widest = scaling.points.iter().map(|point| point.0).max().unwrap_or(1);
    let curves = scaling.fit.iter().map(|fit| Curve {
        class: "c1".to_owned(),
        points: (10..=widest * 12).map(|tenth| f64::from(tenth) / 10.0).map(|n| (n, fit.at(n))).collect(),
    });
    let plot = Plot {
        title: "sustained rate against parallelism",
        across: Unit::Count,
        up: Unit::PerSecond,
        spots,
        curves: curves.collect(),
        uprights: Vec::new(),
        levels: Vec::new(),
        ranges: Vec::new(),
        height: 200.0,
    };
    let rows =
        scaling.points.iter().map(|(n, pass, fail)| vec![n.to_string(), display::rate(*pass), maybe(*fail, Unit::PerSecond)]).collect();
    Some(Figure {
        title: "Sustained rate over parallelism".to_owned(),
        note: match &scaling.fit {
            Ok(_) => "The line is the Universal Scalability Law.".to_owned(),
            Err(why) => format!("No law is fitted: {why}."),
        },
        parts: vec![("sustained rate, up to the lowest that failed".to_owned(), plot.draw())],
        numbers: Table::figures(&["parallelism", "highest that passed", "lowest that failed"], rows),
        ..Figure::default()
    })
}
