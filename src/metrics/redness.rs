//! Redness: blood in the skin, from colour.

use crate::color::Lab;
use crate::filter::gaussian::gaussian_inside;
use crate::metrics::maps::sum_tiles;
use crate::metrics::{Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN};
use crate::raster::{Mask, Plane};
use crate::region::Region;

/// Hemoglobin above the surrounding skin from which skin counts as red,
/// relative density units.
///
/// On light to brown skin it raises a* by 1.4 to 1.6 (worked out from
/// [`HEMOGLOBIN`](crate::metrics::maps::HEMOGLOBIN)), about 0.17 % more blood:
/// just more than what is seen side by side. Chosen by us; absolute and
/// the same in every session, so that a fading patch shrinks.
pub const RED_EXCESS: f32 = 0.10;

/// Smoothing before the threshold, standard deviation in mm: the noise of
/// single pixels would cross it.
const SMOOTHING_MM: f64 = 0.3;

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "redness.a_star_mean",
        family: Family::Redness,
        unit: "CIELAB a*",
        range: "about -128..=127",
        better: Some(Better::Lower),
        ratio_scale: false,
        needs_scale: false,
        summary: "Mean CIELAB a* (D65, 2°); higher is redder.",
        source: "Takiwaki 1998, J. Med. Invest. 44:121",
    },
    Metric {
        id: "redness.erythema_index",
        family: Family::Redness,
        unit: "100 log10",
        range: "about -20..=100",
        better: Some(Better::Lower),
        ratio_scale: false,
        needs_scale: false,
        summary: "Mean camera erythema index, 100·log10(R/G) of linear light; not a reflectance device's.",
        source: "Yamamoto et al. 2008, Skin Res. Technol. 14:26",
    },
    Metric {
        id: "redness.hemoglobin_index",
        family: Family::Redness,
        unit: "density",
        range: "about -1..=3",
        better: Some(Better::Lower),
        ratio_scale: false,
        needs_scale: false,
        summary: "Mean hemoglobin density, unmixed from melanin and shading.",
        source: "Tsumura et al. 2003, ACM Trans. Graph. 22:770; vectors fitted to two-layer Monte Carlo skin",
    },
    Metric {
        id: "redness.area_fraction",
        family: Family::Redness,
        unit: "fraction",
        range: "0..=1",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Share of the skin whose hemoglobin exceeds its surroundings by 0.10 density.",
        source: "threshold chosen by us, frozen in absolute density",
    },
];

/// The red pixels of the coarse level, from the hemoglobin above the
/// surrounding skin.
///
/// Redness that is even over more than the surroundings' 16 mm is not above
/// them: it raises the means, not the area.
pub fn red(maps: &Maps, excess: &Plane) -> Mask {
    let smooth = gaussian_inside(excess, &maps.coarse.skin, maps.coarse.scale.px(SMOOTHING_MM));
    ndarray::Zip::from(&smooth).and(&maps.coarse.skin).map_collect(|&h, &skin| skin && h > RED_EXCESS)
}

/// The metrics of this family in one region. `red` are the red pixels of the
/// coarse level, from [`red`].
pub fn measure(maps: &Maps, red: &Mask, region: &Region) -> Vec<Measured> {
    let sums = sum_tiles(&region.tiles, |x, y| {
        let erythema = 100.0 * (maps.density[1][[y, x]] - maps.density[0][[y, x]]) / std::f32::consts::LN_10;
        [
            1.0,
            f64::from(Lab::from_linear(maps.linear(x, y)).a),
            f64::from(erythema),
            f64::from(maps.hemoglobin[[y, x]]),
            f64::from(u8::from(red[[y, x]])),
        ]
    });
    let column = |i: usize| -> Vec<f64> { sums.iter().map(|sum| sum[i]).collect() };
    let cells = column(0);
    let mean = |i: usize| Estimate::ratio(&column(i), &cells);
    CATALOGUE.iter().zip(1..).map(|(metric, i)| Measured::new(metric.id, mean(i), NO_SKIN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::maps::{HEMOGLOBIN, Level};
    use crate::region::Tiles;
    use crate::units::FilterScale;

    /// `side` by `side` cells of 0.25 mm with the given linear light.
    fn maps(side: usize, linear: impl Fn(usize, usize) -> [f32; 3]) -> Maps {
        let scale = FilterScale { px_per_mm: 4.0, physical: true };
        let level = Level { factor: 2, scale, skin: Mask::from_elem((side, side), true) };
        let density =
            std::array::from_fn(|c| Plane::from_shape_fn((side, side), |(y, x)| -linear(x, y)[c].ln()));
        Maps::new((2 * side, 2 * side), level.clone(), Plane::zeros((side, side)), level, density)
    }

    fn values(maps: &Maps, red: &Mask) -> Vec<f64> {
        let region = Region { name: "skin".into(), tiles: Tiles::of_mask(&maps.coarse.skin, 2, 2) };
        measure(maps, red, &region).into_iter().map(|m| m.outcome.unwrap().value()).collect()
    }

    #[test]
    fn redness_of_a_plain_colour_by_hand() {
        let maps = maps(4, |_, _| [0.5, 0.25, 0.25]);
        let red = Mask::from_shape_fn((4, 4), |(y, _)| y == 0);
        let [a_star, erythema, hemoglobin, area] = values(&maps, &red)[..] else { panic!("four metrics") };
        // X = .340732/.95047, Y = .303168: a* = 500(X^⅓ − Y^⅓) = 500(.71038 − .67178).
        assert!((a_star - 19.30).abs() < 0.05, "{a_star}");
        // 100·log10 2; unmixed: (2.613 − 1.713 − 0.900)·ln 2 + 1.713·ln 2 with −ln .25 = 2 ln 2.
        assert!((erythema - 30.103).abs() < 1e-3);
        assert!((hemoglobin - 1.713 * std::f64::consts::LN_2).abs() < 2e-3);
        assert_eq!(area, 0.25);
    }

    #[test]
    fn more_blood_comes_back_as_more_hemoglobin_and_less_light_does_not() {
        let skin = |blood: f32, light: f32| {
            let maps = maps(4, |_, _| std::array::from_fn(|c| light * 0.5 * (-blood * HEMOGLOBIN[c]).exp()));
            values(&maps, &Mask::from_elem((4, 4), false))
        };
        assert!((skin(0.6, 1.0)[2] - skin(0.4, 1.0)[2] - 0.2).abs() < 1e-4);
        assert!((skin(0.4, 0.5)[2] - skin(0.4, 1.0)[2]).abs() < 1e-4);
        assert!((skin(0.4, 0.5)[1] - skin(0.4, 1.0)[1]).abs() < 1e-3);
    }

    #[test]
    fn a_red_patch_counts_and_single_noisy_pixels_do_not() {
        let maps = maps(40, |_, _| [0.5; 3]);
        let patch = Plane::from_shape_fn((40, 40), |(y, x)| if y < 20 && x < 20 { 0.2 } else { 0.0 });
        // Half of the patch's height lies at its edge: 20 by 20 cells stay.
        assert!(crate::raster::count(&red(&maps, &patch)).abs_diff(400) <= 2);
        let specks =
            Plane::from_shape_fn((40, 40), |(y, x)| if y % 8 == 4 && x % 8 == 4 { 0.5 } else { 0.0 });
        assert_eq!(crate::raster::count(&red(&maps, &specks)), 0);
    }
}
