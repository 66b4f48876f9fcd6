//! The stretches of a recovery. They tile T0 to its end, whatever the order of the moments.

use super::recovery::Course;

/// A named stretch, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// `detection`, `scheduling`, `restore`, `first output`, `catch-up`, `under the fault`; several joined by ` + ` where the moment
    /// between them was not seen.
    pub name: String,
    /// Start.
    pub from: i64,
    /// End.
    pub to: i64,
}

/// The phases of a course; none where its start or its end was not seen.
pub fn phases(course: &Course) -> Vec<Stretch> {
    let (Some(t0), Some(end)) = (course.moment(0), &course.end) else { return Vec::new() };
    let end = end.at.max(t0.at);
    let at = |index: usize| course.moment(index).map(|seen| seen.at);
    let mut edges: Vec<(&str, Option<i64>)> = Vec::new();
    match &course.removal {
        // Under the fault nothing can come back: what counts begins with its removal.
        Some(removal) => edges.push(("under the fault", Some(removal.at))),
        None if course.moment(2).is_some() => {
            edges.extend([("detection", at(2)), ("scheduling", at(3)), ("restore", at(4)), ("first output", at(6))]);
        }
        None => edges.push(("first output", at(6))),
    }
    edges.push(("catch-up", Some(end)));
    tile(t0.at, end, &edges)
}

/// Stretches from `from` to `to` by the moments at which they end; one without a moment is joined to the next.
fn tile(from: i64, to: i64, edges: &[(&str, Option<i64>)]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut start = from;
    let mut pending: Vec<&str> = Vec::new();
    for (name, ends) in edges {
        pending.push(name);
        if let Some(ends) = ends {
            let ends = (*ends).clamp(start, to);
            stretches.push(Stretch { name: pending.join(" + "), from: start, to: ends });
            pending.clear();
            start = ends;
        }
    }
    stretches.retain(|stretch| stretch.to > stretch.from);
    stretches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_seen_joins_the_next() {
        let tiles = tile(0, 100, &[("detection", Some(10)), ("scheduling", None), ("restore", Some(40)), ("catch-up", Some(100))]);
        let names: Vec<_> = tiles.iter().map(|tile| (tile.name.as_str(), tile.to)).collect();
        assert_eq!(names, [("detection", 10), ("scheduling + restore", 40), ("catch-up", 100)]);
    }

    proptest! {
        #[test]
        fn stretches_tile_whatever_the_order(edges in prop::collection::vec(prop::option::of(-50i64..200), 0..6)) {
            let mut named: Vec<(&str, Option<i64>)> = edges.into_iter().map(|edge| ("phase", edge)).collect();
            named.push(("catch-up", Some(100)));
            let tiles = tile(0, 100, &named);
            prop_assert_eq!(tiles.iter().map(|tile| tile.to - tile.from).sum::<i64>(), 100);
            prop_assert!(tiles.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }
}
