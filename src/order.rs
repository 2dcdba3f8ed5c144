//! Order statistics.

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| middle(&sorted))
}

/// The median of sorted values, of which there is at least one.
pub fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The mean of the middle half of the values: as little moved by the few that
/// stand out as the median, and half as uncertain; `None` of nothing.
pub fn midmean(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let middle = &values[quarter..values.len() - quarter];
    (!middle.is_empty()).then(|| middle.iter().sum::<f64>() / middle.len() as f64)
}

/// The mean of the values within three standard deviations of the median, the
/// deviation taken from the median absolute one: nearly as sure as the mean of
/// all where nothing stands out; `None` of nothing.
pub fn clipped_mean(values: &[f64]) -> Option<f64> {
    const PER_MEDIAN_DEVIATION: f64 = 1.4826;
    let centre = median(values)?;
    let off: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    let most = 3.0 * PER_MEDIAN_DEVIATION * median(&off)?;
    let (count, sum) = values
        .iter()
        .filter(|&value| (value - centre).abs() <= most)
        .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    Some(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(midmean(vec![9.0, 1.0, 2.0, -70.0]), Some(1.5));
        assert_eq!(midmean(vec![]), None);
        // Median 3, deviations 2, 1, 0, 1, 97: all but the last lie within 3 · 1.4826.
        assert_eq!(clipped_mean(&[1.0, 2.0, 3.0, 4.0, 100.0]), Some(2.5));
        assert_eq!(clipped_mean(&[]), None);
    }
}
