//! Order statistics.

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let (mut values, half) = (values.to_vec(), values.len() / 2);
    if values.is_empty() {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    Some(if values.len() % 2 == 1 { upper } else { lower.map_or(upper, |lower| (lower + upper) / 2.0) })
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

/// How many leading bits of a value tell its bin in [`of_ranks`].
const BIN_BITS: u32 = 12;

/// The values of the ranks that `ranks` asks for, given how many there are,
/// counted from 0 in rising order, the last one beyond it; `None` of nothing. They are counted by
/// their leading bits first, so that only those like the sought are sorted.
pub fn of_ranks<const N: usize>(
    values: impl Iterator<Item = f32> + Clone,
    ranks: impl FnOnce(usize) -> [usize; N],
) -> Option<[f32; N]> {
    /// Bits that rise with the value, as [`f32::total_cmp`] has it.
    fn bin(value: f32) -> usize {
        let bits = value.to_bits();
        let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        (rising >> (32 - BIN_BITS)) as usize
    }
    // In turns, for a count waits for the one before it in its place.
    let (mut turns, mut turn) = (vec![[0u32; 4]; 1 << BIN_BITS], 0);
    values.clone().for_each(|value| {
        turns[bin(value)][turn] += 1;
        turn = (turn + 1) % 4;
    });
    let counts: Vec<usize> = turns.iter().map(|turns| turns.iter().map(|&n| n as usize).sum()).collect();
    let total = counts.iter().sum::<usize>();
    let wanted = (total > 0).then(|| ranks(total).map(|rank| rank.min(total - 1)))?;
    let homes = wanted.map(|rank| {
        let mut below = 0;
        let full = counts.iter().position(|&count| {
            below += count;
            below > rank
        });
        let home = full.unwrap_or(counts.len() - 1);
        (home, rank + counts[home] - below)
    });
    let mut alike: [Vec<f32>; N] = std::array::from_fn(|_| Vec::new());
    values.for_each(|value| {
        let bin = bin(value);
        for (alike, (home, _)) in alike.iter_mut().zip(homes) {
            if bin == home {
                alike.push(value);
            }
        }
    });
    Some(std::array::from_fn(|i| *alike[i].select_nth_unstable_by(homes[i].1, f32::total_cmp).1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_sorted_values() {
        let values: Vec<f32> = (0..1000).map(|i| (i * 7919 % 1009) as f32 * 0.01 - 4.0).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        let found = of_ranks(values.iter().copied(), |count| [0, count / 3, count / 2, count]).unwrap();
        assert_eq!(found, [sorted[0], sorted[333], sorted[500], sorted[999]]);
        assert_eq!(
            of_ranks([2.0, -0.0, f32::INFINITY, 0.0].into_iter(), |_| [1, 3]),
            Some([0.0, f32::INFINITY])
        );
        assert_eq!(of_ranks(std::iter::empty(), |_| [0]), None);
    }

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
