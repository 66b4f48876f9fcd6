//! A search as one side of a comparison.

use std::collections::BTreeMap;

use super::{Capacity, Edge, Leg};
use crate::analysis::figures::{Better, Observed, Weight};
use crate::analysis::outcome::Figure;
use crate::analysis::{Side, SideFigure};
use crate::metric::Unit;

impl Capacity {
    /// λ* and λ*_R of each setting: the middle of its edge, half its width as the error.
    pub fn side(&self, name: impl Into<String>) -> Side {
        let figures = self.legs.iter().flat_map(|leg| {
            let recoverable = self.asked.objective_text.as_ref().map(|text| figure(leg, &format!("recovers ({text})"), &leg.recoverable()));
            std::iter::once(figure(leg, "sustained", &leg.sustainable()))
                .chain(recoverable.filter(|_| leg.probes.iter().any(|probe| probe.recovery.is_some())))
        });
        let mut circumstances = BTreeMap::from([
            ("scenario".to_owned(), self.asked.scenario.clone()),
            ("checkpoint.interval".to_owned(), format!("{} s", self.asked.interval)),
            (
                "cluster".to_owned(),
                self.asked.cluster.split_once(": ").map_or_else(|| self.asked.cluster.clone(), |(_, what)| what.to_owned()),
            ),
        ]);
        if let Some(cores) = self.asked.cores {
            circumstances.insert("cores of the machine".to_owned(), cores.to_string());
        }
        if let Some(latency) = self.asked.latency {
            circumstances.insert("limit of the latency".to_owned(), format!("{latency} s"));
        }
        Side {
            name: name.into(),
            scenario: self.asked.scenario.clone(),
            runs: vec![self.id.clone()],
            circumstances,
            figures: figures.collect(),
        }
    }
}

fn figure(leg: &Leg, what: &str, edge: &Edge) -> SideFigure {
    let observed = match (&edge.pass, &edge.fail) {
        (Some((pass, _)), Some((fail, _))) => {
            Observed::Value(Figure { value: f64::midpoint(*pass, *fail), error: Some((fail - pass) / 2.0) })
        }
        (Some((pass, _)), None) => Observed::NoData(format!("at least {pass:.0}/s: no higher rate failed")),
        (None, Some((fail, _))) => Observed::NoData(format!("below {fail:.0}/s: no lower rate passed")),
        (None, None) => Observed::NoData("nothing was found".to_owned()),
    };
    SideFigure {
        of: "capacity".to_owned(),
        name: format!("{what}, {}", leg.label()),
        unit: Unit::PerSecond,
        better: Better::Higher,
        weight: Weight::Decides,
        observed: vec![observed],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::analysis::capacity::KeyChoice;
    use crate::analysis::{Comparison, Standing};

    fn side(name: &str, pass: f64, fail: f64) -> Side {
        let edge = Edge { pass: Some((pass, 2)), fail: Some((fail, "lag".to_owned())) };
        let figures = vec![figure(&Leg::new(Some(2), KeyChoice::Scenario), "sustained", &edge)];
        Side { name: name.to_owned(), scenario: "x".to_owned(), runs: Vec::new(), circumstances: BTreeMap::new(), figures }
    }

    #[test]
    fn edges_that_overlap_are_the_same() {
        let against = |pass, fail| Comparison::of(vec![side("A", 975.0, 1008.0), side("B", pass, fail)], &[]).standing();
        assert_eq!(against(960.0, 1000.0), Standing::Same);
        assert_eq!(against(820.0, 860.0), Standing::Worse);
        assert_eq!(against(1150.0, 1200.0), Standing::Better);
    }
}
