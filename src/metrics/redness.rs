//! Redness: blood in the skin, from colour.

use crate::filter::gaussian::gaussian_inside;
use crate::metrics::maps::sum_tiles;
use crate::metrics::{Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN};
use crate::raster::{Mask, Plane};
use crate::region::Region;

/// Hemoglobin above the surrounding skin from which skin counts as red,
/// relative density units.
///
/// On light to brown skin it raises a* by 1.4 to 1.6 (worked out from
/// [`HEMOGLOBIN`](crate::color::unmixing::HEMOGLOBIN)), about 0.17 % more blood:
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
        summary: "Mean hemoglobin density, unmixed from melanin by rows for the baseline's skin tone; free of the \
                  level of light on light skin, not below an ITA of 16°; of little use on dark skin.",
        source: "after Tsumura et al. 2003, ACM Trans. Graph. 22:770; rows chosen by us over modelled skin",
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
            f64::from(maps.lab[1][[y, x]]),
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
    use crate::color::unmixing::HEMOGLOBIN;
    use crate::metrics::maps::Level;
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
        // 100·log10 2; a pale red has the angle of light skin, whose rows on (1, 2, 2) ln 2
        // read (−1.670 + 2·2.730 − 2·1.060) ln 2 = 1.15755, 0.89755 above the usual 0.26. The
        // exponential (k = 1.86) is drawn out to slope 4 at ln 4 / 1.86 = 0.74532, where it
        // stands at 3 / 1.86 = 1.61290; beyond, 4·0.15223: in all 0.26 + 1.61290 + 0.60894.
        assert!((erythema - 30.103).abs() < 1e-3);
        assert!((hemoglobin - 2.48184).abs() < 5e-3, "{hemoglobin}");
        assert_eq!(area, 0.25);
    }

    #[test]
    fn more_blood_comes_back_as_more_hemoglobin_and_less_light_does_not() {
        let skin = |patch: f32, light: f32| {
            let maps = maps(8, |x, y| {
                let blood = if x < 2 && y < 2 { patch } else { 0.0 };
                std::array::from_fn(|c| light * [0.45f32, 0.31, 0.21][c] * (-blood * HEMOGLOBIN[c]).exp())
            });
            let mean = values(&maps, &Mask::from_elem((8, 8), false));
            [mean[1], f64::from(maps.hemoglobin[[0, 0]] - maps.hemoglobin[[7, 7]])]
        };
        let [erythema, excess] = skin(0.02, 1.0);
        // The rows of light skin on HEMOGLOBIN: −0.39245 + 2.0475 − 0.65614 = 0.99891; small
        // excesses stay as they are: (exp(1.86·0.02) − 1) / 1.86 = 0.02037.
        assert!((excess - 0.02037).abs() < 2e-4, "{excess}");
        let [dim, same] = skin(0.02, 0.8);
        assert!((excess - same).abs() < 1e-4 && (erythema - dim).abs() < 1e-3);
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
