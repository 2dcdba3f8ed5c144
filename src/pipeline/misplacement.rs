//! What it does to a value that its region lies somewhere near, not exactly, where it was put.

use crate::metrics::Measured;

/// The median length of a two-dimensional normal error over its deviation along one axis.
const MEDIAN_LENGTH: f64 = 1.1774;

/// Adds to every error in `values` what their region's misplacement does.
///
/// `displaced` are the same metrics where the region is moved along x and
/// along y by a distance of which the region's own expected median error is a
/// `share`. Small errors act in proportion, so a normal error of the place
/// with that median gives the value the standard error
/// `share * hypot(change along x, change along y) / 1.1774`.
pub fn widen(values: &mut [Measured], displaced: [&[Measured]; 2], share: f64) {
    for value in values {
        let Ok(estimate) = &value.outcome else { continue };
        let change = |way: &[Measured]| {
            let same = way.iter().find(|other| other.id == value.id)?;
            same.outcome.as_ref().ok().map(|moved| moved.value() - estimate.value())
        };
        let [across, down] = displaced.map(|way| change(way).unwrap_or(0.0));
        let widened = estimate.clone().misplaced(share * across.hypot(down) / MEDIAN_LENGTH);
        value.outcome = Ok(widened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Estimate;

    #[test]
    fn a_value_that_changes_with_its_place_is_known_less_well() {
        let measured = |value: f64| {
            let estimate = Estimate::ratio(&[value, value], &[1.0; 2]);
            vec![Measured::new("redness.a_star_mean", estimate, "no_skin")]
        };
        let mut values = measured(10.0);
        widen(&mut values, [&measured(13.0), &measured(6.0)], 0.5);
        let error = values[0].outcome.as_ref().unwrap().standard_error().unwrap();
        // Half of hypot(3, 4) over 1.1774.
        assert!((error - 2.5 / 1.1774).abs() < 1e-12, "{error}");
    }
}
