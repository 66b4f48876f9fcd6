//! Throughput over parallelism by the Universal Scalability Law (N. J. Gunther, *Guerrilla Capacity Planning*, 2007):
//! X(N) = λN ÷ (1 + σ(N − 1) + κN(N − 1)), σ contention, κ coherence. It peaks at N = √((1 − σ) ÷ κ).

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A parallelism, the highest rate that passed there, and the lowest that failed.
pub type Point = (u32, f64, Option<f64>);

/// Throughput over parallelism.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// What was measured, by parallelism.
    pub points: Vec<Point>,
    /// The law; or why it is not fitted.
    pub fit: Result<ScalingFit, String>,
}

/// The law with its parameters and their 95 % intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingFit {
    /// λ: records per second of one subtask alone.
    pub single: (f64, f64, f64),
    /// σ: value, low, high.
    pub contention: (f64, f64, f64),
    /// κ: value, low, high.
    pub coherence: (f64, f64, f64),
}

impl ScalingFit {
    /// Throughput at a parallelism.
    pub fn at(&self, parallelism: f64) -> f64 {
        let n = parallelism;
        self.single.0 * n / (1.0 + self.contention.0 * (n - 1.0) + self.coherence.0 * n * (n - 1.0))
    }

    /// Where more subtasks make it slower; none where nothing shows it.
    pub fn peak(&self) -> Option<f64> {
        (self.coherence.0 > 1e-9 && self.contention.0 < 1.0).then(|| ((1.0 - self.contention.0) / self.coherence.0).sqrt())
    }
}

impl Scaling {
    /// Fits where there are more points than parameters, all within the cores.
    pub fn of(mut points: Vec<Point>, cores: Option<u32>) -> Self {
        points.sort_by_key(|point| point.0);
        points.dedup_by_key(|point| point.0);
        let fit = fit(&points, cores);
        Self { points, fit }
    }
}

fn fit(points: &[Point], cores: Option<u32>) -> Result<ScalingFit, String> {
    let within: Vec<(f64, f64)> =
        points.iter().filter(|(n, ..)| cores.is_none_or(|cores| *n <= cores)).map(|(n, x, _)| (f64::from(*n), *x)).collect();
    if within.len() < 4 {
        let cores = cores.map_or(String::new(), |cores| format!(" within the {cores} cores of the machine"));
        return Err(format!(
            "the law has three parameters, and {} parallelisms were measured{cores}: four are needed for intervals",
            within.len()
        ));
    }
    // N ÷ X = 1/λ + σ/λ·(N − 1) + κ/λ·N(N − 1): linear in three parameters.
    let rows: Vec<([f64; 3], f64)> = within.iter().map(|(n, x)| ([1.0, n - 1.0, n * (n - 1.0)], n / x)).collect();
    let (solution, inverse) = least_squares(&rows).ok_or("the measured parallelisms do not determine the law")?;
    let freedom = (rows.len() - 3) as f64;
    let residual: f64 = rows.iter().map(|(row, y)| (y - dot(row, &solution)).powi(2)).sum::<f64>() / freedom;
    let t = StudentsT::new(0.0, 1.0, freedom).map_err(|error| error.to_string())?.inverse_cdf(0.975);
    let [a, b, c] = solution;
    if a <= 0.0 {
        return Err("the measured rates do not follow the law".to_owned());
    }
    // σ = b/a, κ = c/a: errors by the delta method.
    let ratio = |index: usize, value: f64| {
        let variance =
            residual * (inverse[index][index] - 2.0 * value / a * inverse[0][index] + (value / a).powi(2) * inverse[0][0]) / (a * a);
        let half = t * variance.max(0.0).sqrt();
        (value / a, value / a - half, value / a + half)
    };
    let half = t * (residual * inverse[0][0]).max(0.0).sqrt();
    let single = (1.0 / a, 1.0 / (a + half), if a > half { 1.0 / (a - half) } else { f64::INFINITY });
    Ok(ScalingFit { single, contention: ratio(1, b), coherence: ratio(2, c) })
}

fn dot(row: &[f64; 3], solution: &[f64; 3]) -> f64 {
    row.iter().zip(solution).map(|(a, b)| a * b).sum()
}

type Matrix = [[f64; 3]; 3];

/// Ordinary least squares by the normal equations; with the inverse of XᵀX.
fn least_squares(rows: &[([f64; 3], f64)]) -> Option<([f64; 3], Matrix)> {
    let mut normal: Matrix = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for (row, y) in rows {
        for i in 0..3 {
            right[i] += row[i] * y;
            for j in 0..3 {
                normal[i][j] += row[i] * row[j];
            }
        }
    }
    let inverse = inverted(&normal)?;
    let solution = std::array::from_fn(|i| dot(&inverse[i], &right));
    Some((solution, inverse))
}

fn inverted(m: &Matrix) -> Option<Matrix> {
    let minor = |a: usize, b: usize, c: usize, d: usize| m[a][b] * m[c][d] - m[a][d] * m[c][b];
    let determinant = m[0][0] * minor(1, 1, 2, 2) - m[0][1] * minor(1, 0, 2, 2) + m[0][2] * minor(1, 0, 2, 1);
    let scale: f64 = m.iter().flatten().map(|value| value.abs()).fold(0.0, f64::max);
    if determinant.abs() <= 1e-12 * scale.powi(3) {
        return None;
    }
    let adjugate = [
        [minor(1, 1, 2, 2), -minor(0, 1, 2, 2), minor(0, 1, 1, 2)],
        [-minor(1, 0, 2, 2), minor(0, 0, 2, 2), -minor(0, 0, 1, 2)],
        [minor(1, 0, 2, 1), -minor(0, 0, 2, 1), minor(0, 0, 1, 1)],
    ];
    Some(adjugate.map(|row| row.map(|value| value / determinant)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn law(single: f64, contention: f64, coherence: f64, n: u32) -> Point {
        let n_ = f64::from(n);
        (n, single * n_ / (1.0 + contention * (n_ - 1.0) + coherence * n_ * (n_ - 1.0)), None)
    }

    #[test]
    fn few_points_are_a_table_and_a_word_why() {
        let scaling = Scaling::of(vec![law(500.0, 0.05, 0.01, 1), law(500.0, 0.05, 0.01, 2)], Some(2));
        assert!(scaling.fit.unwrap_err().starts_with("the law has three parameters, and 2 parallelisms were measured within the 2 cores"));
        // Beyond the cores it is the machine that is measured.
        let beyond = [1, 2, 4, 8, 16].map(|n| law(500.0, 0.05, 0.01, n)).to_vec();
        assert!(Scaling::of(beyond, Some(4)).fit.is_err());
    }

    #[test]
    fn the_peak_is_where_more_is_slower() {
        let scaling = Scaling::of([1, 2, 4, 8, 16].map(|n| law(1000.0, 0.03, 0.002, n)).to_vec(), Some(64));
        let fit = scaling.fit.unwrap();
        let peak = fit.peak().unwrap();
        assert!((peak - (0.97f64 / 0.002).sqrt()).abs() < 0.1, "{fit:?}");
        assert!(fit.at(peak) > fit.at(peak + 3.0) && fit.at(peak) > fit.at(peak - 3.0));
    }

    proptest! {
        #[test]
        fn exact_points_give_the_parameters(single in 100.0f64..1e5, contention in 0.0f64..0.5, coherence in 0.0f64..0.05) {
            let points = [1, 2, 3, 5, 8, 12].map(|n| law(single, contention, coherence, n)).to_vec();
            let fit = Scaling::of(points, None).fit.unwrap();
            prop_assert!((fit.single.0 / single - 1.0).abs() < 1e-3);
            prop_assert!((fit.contention.0 - contention).abs() < 1e-3 && (fit.coherence.0 - coherence).abs() < 1e-3);
            prop_assert!(fit.contention.1 <= fit.contention.0 && fit.contention.0 <= fit.contention.2);
        }
    }
}
