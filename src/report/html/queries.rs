//! What the monitoring of the people on call answered: a chart for each query.

use super::parts::{Figure, Section, highest, line, numbers, series};
use crate::analysis::{Outcome, Series};
use crate::journal::{Of, query_probe};
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Panel, Scale};
use crate::units::display;

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    let figures: Vec<Figure> = series(outcome, Metric::Query, |_| true).filter_map(|series| figure(outcome, frame, series)).collect();
    if figures.is_empty() {
        return None;
    }
    Some(Section {
        id: "queries",
        title: "What Prometheus answered",
        wide: false,
        intro: vec![
            "An answer is as old as the last scrape, at most. A gap is no data: nobody answered, or not with one number.".to_owned(),
        ],
        figures,
        tables: Vec::new(),
    })
}

fn figure(outcome: &Outcome, frame: &Frame, series: &Series) -> Option<Figure> {
    let Of::Query(name) = &series.of else { return None };
    let lines = vec![line(series, name.clone(), 0)];
    let table = numbers(frame, &[(&lines[0], series.unit)]);
    let scale = Scale::fitting(highest(&lines), series.unit);
    let svg = Panel {
        title: &format!("{name} over time"),
        frame,
        unit: series.unit,
        scale,
        lines,
        marks: Vec::new(),
        height: 130.0,
        names: true,
        labels: true,
    }
    .draw();
    let mut note = outcome.facts.get("queries").and_then(|queries| queries.get(name)).cloned().unwrap_or_default();
    if let Some((every, scraped)) = outcome.resolutions.get(&query_probe(name)) {
        note.push_str(&format!(" · asked every {}, scraped every {}", display::seconds(*every), display::seconds(*scraped)));
    }
    let caption = match series.unit {
        Unit::Records => "records",
        Unit::PerSecond => "records per second",
        Unit::Seconds => "seconds",
        Unit::Count | Unit::Bytes | Unit::Ratio | Unit::Factor => "",
    };
    Some(Figure { title: name.clone(), note, legend: Vec::new(), swatch: false, parts: vec![(caption.to_owned(), svg)], numbers: table })
}
