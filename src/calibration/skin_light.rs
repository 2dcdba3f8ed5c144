//! The slope of the light over one photo, seen on its skin.

use nalgebra::DMatrix;

use super::field::{ShadingField, TERMS};
use super::reference_skin::{mode, reweighted, spread};
use crate::color::Rgb;
use crate::color::unmixing::three_vectors;

/// Fewest cells of skin that a slope is worked out from.
const FEWEST_CELLS: usize = 50;

/// Range of the log light over a photo beyond which it is the skin that bends
/// and not the light that falls off; nothing is taken out then.
const MOST: f64 = 0.5;

/// The even slope of the light over the photo, from the shading of its skin:
/// linear light of cells, with their positions as shares of its width and
/// height. `None` with too little skin, or where the slope is too steep to be the light's.
pub fn skin_light(cells: &[([f64; 2], Rgb)]) -> Option<ShadingField> {
    let shading_row = three_vectors()[2];
    let usable: Vec<&([f64; 2], Rgb)> =
        cells.iter().filter(|(_, light)| light.iter().all(|value| (0.004..=0.98).contains(value))).collect();
    if usable.len() < FEWEST_CELLS {
        return None;
    }
    let shading: Vec<f64> = usable
        .iter()
        .map(|(_, light)| (0..3).map(|c| shading_row[c] * -f64::from(light[c]).ln()).sum())
        .collect();
    let rows = usable.iter().flat_map(|(at, _)| [1.0, at[0] - 0.5, at[1] - 0.5]);
    let design = DMatrix::from_row_iterator(usable.len(), 3, rows);
    let solution = reweighted(&design, &shading, spread(&shading, mode(&shading)))?;
    let mut coefficients = [0.0; TERMS];
    coefficients[..2].copy_from_slice(&[-solution[1], -solution[2]]);
    let field = ShadingField::new(coefficients, [0.0, 0.0, 1.0, 1.0]);
    (field.range() <= MOST).then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::MELANIN;

    #[test]
    fn an_even_slope_comes_back_and_pigment_does_not_bend_it() {
        let cell = |i: usize| {
            let at = [(i % 20) as f64 / 20.0, (i / 20) as f64 / 20.0];
            let light = (0.15 * at[0] - 0.05 * at[1]).exp();
            // A spot in one corner: melanin alone, which shading does not hold.
            let spot = if at[0] > 0.7 && at[1] > 0.7 { 0.5 } else { 0.0 };
            let skin = [0.45, 0.30, 0.20];
            (at, std::array::from_fn(|c| (skin[c] * light * (-spot * f64::from(MELANIN[c])).exp()) as f32))
        };
        let field = skin_light(&(0..400).map(cell).collect::<Vec<_>>()).unwrap();
        let [across, down] = field.gradient();
        assert!((across - 0.15).abs() < 0.005 && (down + 0.05).abs() < 0.005, "{across} {down}");
        assert_eq!(skin_light(&[]), None);
    }
}
