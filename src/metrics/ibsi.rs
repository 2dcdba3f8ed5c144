//! The co-occurrence features on the digital phantom of the Image Biomarker
//! Standardisation Initiative, beside the values that it publishes.

use ndarray::Array2;

use crate::metrics::glcm::{DIRECTIONS, Features, Glcm};

/// Levels of the phantom.
const LEVELS: usize = 6;

/// A feature of the phantom: published and ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// The feature's name.
    pub feature: &'static str,
    /// How directions are joined: `averaged` (IBSI BTW3) or `merged` (IBSI SUJT).
    pub aggregation: &'static str,
    /// The published value, in its own digits.
    pub published: &'static str,
    /// Our value.
    pub value: f64,
    /// Whether ours rounds to every published digit.
    pub agrees: bool,
}

/// Every feature in both aggregations.
pub fn agreement() -> Vec<Agreement> {
    let slices = phantom();
    let averaged: Vec<Features> = slices
        .iter()
        .flat_map(|slice| DIRECTIONS.map(|offset| Glcm::of(slice, LEVELS, offset).features()))
        .flatten()
        .collect();
    let joined: Vec<Features> =
        slices.iter().filter_map(|slice| merged(slice, LEVELS, 1).features()).collect();
    rows(include_str!("../../fixtures/reference/ibsi_glcm.csv"))
        .flat_map(|line| {
            let of = |aggregation, features: &[Features], published| {
                let value = mean(features, line[0]);
                Agreement {
                    feature: line[0],
                    aggregation,
                    published,
                    value,
                    agrees: same_digits(value, published),
                }
            };
            [of("averaged", &averaged, line[1]), of("merged", &joined, line[2])]
        })
        .collect()
}

/// The rows of a reference table, without comments and header.
pub(super) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split(',').collect())
}

pub(super) fn number(field: &str) -> f64 {
    field.parse().expect("the reference tables hold numbers")
}

/// The slices of the phantom; 0 lies outside.
pub(super) fn phantom() -> Vec<Array2<u8>> {
    let mut slices = vec![Array2::zeros((4, 5)); 4];
    for line in rows(include_str!("../../fixtures/reference/ibsi_phantom.csv")) {
        let (slice, y) = (number(line[0]) as usize - 1, number(line[1]) as usize - 1);
        line[2..].iter().enumerate().for_each(|(x, level)| slices[slice][[y, x]] = number(level) as u8);
    }
    slices
}

/// The matrix of all four directions.
pub(super) fn merged(plane: &Array2<u8>, levels: usize, distance: isize) -> Glcm {
    let mut all = Glcm::new(levels);
    for (dx, dy) in DIRECTIONS {
        all.merge(&Glcm::of(plane, levels, (dx * distance, dy * distance)));
    }
    all
}

/// The mean of a feature; every name of the table is one of [`Features::entries`].
pub(super) fn mean(features: &[Features], name: &str) -> f64 {
    let of = |f: &Features| f.entries().iter().find(|entry| entry.0 == name).and_then(|entry| entry.1);
    features.iter().filter_map(of).sum::<f64>() / features.len() as f64
}

/// Agrees in every published digit.
pub(super) fn same_digits(value: f64, published: &str) -> bool {
    let digits = published.trim_start_matches(['-', '0', '.']).replace('.', "").len().max(3);
    format!("{value:.*e}", digits - 1) == format!("{:.*e}", digits - 1, number(published))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_46_published_values_are_ours() {
        let all = agreement();
        assert_eq!(all.len(), 46);
        assert!(all.iter().all(|row| row.agrees), "{all:?}");
        assert!(!same_digits(0.5197, "0.519"));
    }
}
