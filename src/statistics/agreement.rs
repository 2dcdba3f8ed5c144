//! How well repeated measurements of the same thing agree.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use crate::statistics::intervals::t_quantile;

/// Intraclass correlations of single measurements, two-way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intraclass {
    /// ICC(2,1), absolute agreement: repeats are a sample of all repeats.
    pub agreement: Correlation,
    /// ICC(3,1), consistency: a constant difference between repeats counts for nothing.
    pub consistency: Correlation,
}

/// An intraclass correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// Its estimate, at most 1; below 0 where repeats differ more than subjects.
    pub value: f64,
    /// Its 95 % confidence interval.
    pub ci95: [f64; 2],
}

/// Intraclass correlations of a table of subjects (rows) by repeats (columns)
/// (Shrout & Fleiss 1979, *Psychol. Bull.* 86:420; the interval of ICC(2,1) by
/// Satterthwaite's degrees, McGraw & Wong 1996, *Psychol. Methods* 1:30).
/// `None` below two rows or columns, with rows of different length, or where
/// repeats do not differ beyond a constant.
pub fn intraclass(table: &[Vec<f64>]) -> Option<Intraclass> {
    let (rows, columns) = (table.len(), table.first()?.len());
    if rows < 2 || columns < 2 || table.iter().any(|row| row.len() != columns) {
        return None;
    }
    let (n, k) = (rows as f64, columns as f64);
    let mean = |values: &mut dyn Iterator<Item = f64>, count: f64| values.sum::<f64>() / count;
    let grand = mean(&mut table.iter().flatten().copied(), n * k);
    let of_row: Vec<f64> = table.iter().map(|row| mean(&mut row.iter().copied(), k)).collect();
    let of_column: Vec<f64> =
        (0..columns).map(|column| mean(&mut table.iter().map(|row| row[column]), n)).collect();
    let squares = |means: &[f64]| means.iter().map(|mean| (mean - grand).powi(2)).sum::<f64>();
    let left = |(row, mean): (&Vec<f64>, &f64)| {
        let rest = row.iter().zip(&of_column).map(|(value, column)| (value - mean - column + grand).powi(2));
        rest.sum::<f64>()
    };
    let (of_rows, of_repeats) = (k * squares(&of_row) / (n - 1.0), n * squares(&of_column) / (k - 1.0));
    let rest_degrees = (n - 1.0) * (k - 1.0);
    let rest = table.iter().zip(&of_row).map(left).sum::<f64>() / rest_degrees;
    // What rounding leaves of equal values is no scatter.
    if rest <= 1e-24 * (grand * grand + of_rows) {
        return None;
    }

    let ratio = of_rows / rest;
    let [low, high] =
        [ratio / f_quantile(n - 1.0, rest_degrees)?, ratio * f_quantile(rest_degrees, n - 1.0)?];
    let correlation = |ratio: f64| (ratio - 1.0) / (ratio + k - 1.0);
    let consistency = Correlation { value: correlation(ratio), ci95: [correlation(low), correlation(high)] };

    let value = (of_rows - rest) / (of_rows + (k - 1.0) * rest + k * (of_repeats - rest) / n);
    let (a, b) = (k * value * of_repeats / rest, n * (1.0 + (k - 1.0) * value) - k * value);
    let degrees = rest_degrees * (a + b).powi(2) / ((n - 1.0) * a * a + b * b);
    let (up, down) = (f_quantile(n - 1.0, degrees)?, f_quantile(degrees, n - 1.0)?);
    let noise = k * of_repeats + (k * n - k - n) * rest;
    let ci95 = [
        n * (of_rows - up * rest) / (up * noise + n * of_rows),
        n * (down * of_rows - rest) / (noise + n * down * of_rows),
    ];
    Some(Intraclass { agreement: Correlation { value, ci95 }, consistency })
}

/// The 97.5 % quantile of the F distribution.
fn f_quantile(numerator: f64, denominator: f64) -> Option<f64> {
    Some(FisherSnedecor::new(numerator, denominator).ok()?.inverse_cdf(0.975))
}

/// How far second measurements lie from first ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Mean of second less first.
    pub bias: f64,
    /// Its 95 % confidence interval.
    pub bias_ci95: [f64; 2],
    /// Standard deviation of the differences.
    pub sd: f64,
    /// Lower and upper 95 % limit of agreement, `bias ∓ 1.96 sd`.
    pub limits: [f64; 2],
    /// 95 % confidence intervals of the lower and the upper limit.
    pub limits_ci95: [[f64; 2]; 2],
}

/// The limits of agreement of pairs of measurements (Bland & Altman 1999,
/// *Stat. Methods Med. Res.* 8:135), with their confidence intervals from the
/// variance `s² (1/n + 1.96² / (2 (n − 1)))`. `None` below two pairs.
pub fn limits_of_agreement(pairs: &[[f64; 2]]) -> Option<Limits> {
    if pairs.len() < 2 {
        return None;
    }
    let n = pairs.len() as f64;
    let differences: Vec<f64> = pairs.iter().map(|[first, second]| second - first).collect();
    let bias = differences.iter().sum::<f64>() / n;
    let sd = (differences.iter().map(|d| (d - bias).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let around = |centre: f64, error: f64| {
        let reach = t_quantile(0.975, n - 1.0) * error;
        [centre - reach, centre + reach]
    };
    let limits = [bias - 1.96 * sd, bias + 1.96 * sd];
    let limit_error = sd * (1.0 / n + 1.96 * 1.96 / (2.0 * (n - 1.0))).sqrt();
    Some(Limits {
        bias,
        bias_ci95: around(bias, sd / n.sqrt()),
        sd,
        limits,
        limits_ci95: limits.map(|limit| around(limit, limit_error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{close, number, numbers, reference};

    /// pingouin, which gives intervals to two digits, by the script beside
    /// the values; among them the table of Shrout & Fleiss 1979, whose paper
    /// has .29 and .71.
    #[test]
    fn correlations_agree_with_pingouin() {
        for (name, case) in reference("intraclass") {
            let table: Vec<Vec<f64>> = case["table"].as_array().unwrap().iter().map(numbers).collect();
            let found = intraclass(&table).unwrap();
            for (found, expected) in
                [(found.agreement, &case["agreement"]), (found.consistency, &case["consistency"])]
            {
                close(found.value, number(&expected["value"]), &name);
                for (end, expected) in found.ci95.iter().zip(numbers(&expected["ci95_rounded"])) {
                    assert!((end - expected).abs() <= 0.005, "{name}: {end}, not {expected}");
                }
            }
            for quantile in case["quantiles"].as_array().unwrap().iter().map(numbers) {
                close(f_quantile(quantile[0], quantile[1]).unwrap(), quantile[2], "F");
            }
        }
    }

    /// Peak expiratory flow of 17 people by two meters (Bland & Altman 1986,
    /// *Lancet* 1:307): bias −2.1, standard deviation 38.8, interval of the
    /// bias −22.1 to 17.8; 1.96 standard deviations are 76.0.
    #[test]
    fn limits_are_those_of_bland_and_altman() {
        let large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427];
        let mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451];
        let pairs: Vec<[f64; 2]> = mini.iter().zip(large).map(|(a, b)| [*a, b].map(f64::from)).collect();
        let found = limits_of_agreement(&pairs).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.06, "{a}, not {b}");
        near(found.bias, -2.1);
        near(found.sd, 38.8);
        near(found.bias_ci95[0], -22.1);
        near(found.bias_ci95[1], 17.8);
        near(found.limits[1], -2.1 + 76.0);
        // 38.77 · √(1/17 + 1.96²/32) = 16.43, t of 16 degrees is 2.120.
        near(found.limits_ci95[1][1] - found.limits[1], 34.8);
    }

    #[test]
    fn repeats_that_do_not_differ_have_no_correlation() {
        assert_eq!(intraclass(&[vec![1.0, 1.0], vec![2.0, 2.0]]), None);
        assert_eq!(intraclass(&[vec![1.0, 1.1], vec![2.0]]), None);
        assert_eq!((intraclass(&[]), limits_of_agreement(&[[1.0, 2.0]])), (None, None));
    }
}
