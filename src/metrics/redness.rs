//! Redness: blood in the skin, from colour.

use crate::color::Lab;
use crate::metrics::maps::sum_tiles;
use crate::metrics::{Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN};
use crate::raster::Plane;
use crate::region::Region;

/// Hemoglobin above the surrounding skin from which skin counts as red,
/// relative density units: about 0.25 % more blood, the least that
/// dermatologists see as a red patch on light skin. Frozen, so that a fading
/// patch shrinks.
pub const RED_EXCESS: f32 = 0.10;

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

/// The metrics of this family in one region. `excess` is the hemoglobin
/// above the surrounding skin, on the coarse level.
pub fn measure(maps: &Maps, excess: &Plane, region: &Region) -> Vec<Measured> {
    let sums = sum_tiles(&region.tiles, |x, y| {
        let erythema = 100.0 * (maps.density[1][[y, x]] - maps.density[0][[y, x]]) / std::f32::consts::LN_10;
        [
            1.0,
            f64::from(Lab::from_linear(maps.linear(x, y)).a),
            f64::from(erythema),
            f64::from(maps.hemoglobin[[y, x]]),
            f64::from(u8::from(excess[[y, x]] > RED_EXCESS)),
        ]
    });
    let column = |i: usize| -> Vec<f64> { sums.iter().map(|sum| sum[i]).collect() };
    let cells = column(0);
    let mean = |i: usize| Estimate::ratio(&column(i), &cells);
    CATALOGUE.iter().zip(1..).map(|(metric, i)| Measured::new(metric.id, mean(i), NO_SKIN)).collect()
}
