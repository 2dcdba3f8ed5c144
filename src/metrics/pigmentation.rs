//! Pigmentation: melanin in the skin, from colour.

use crate::metrics::maps::sum_tiles;
use crate::metrics::{Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, NONE_FOUND};
use crate::raster::{Mask, Plane};
use crate::region::{Region, Tiles};

const LOWER: Option<Better> = Some(Better::Lower);

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "pigmentation.l_star_mean",
        family: Family::Pigmentation,
        unit: "CIELAB L*",
        range: "0..=100",
        better: None,
        ratio_scale: false,
        needs_scale: false,
        summary: "Mean CIELAB L* (D65, 2°); higher is lighter. Also moved by exposure.",
        source: "CIE 15:2004; Takiwaki 1998, J. Med. Invest. 44:121",
    },
    Metric {
        id: "pigmentation.ita_deg",
        family: Family::Pigmentation,
        unit: "deg",
        range: "-180..=180",
        better: None,
        ratio_scale: false,
        needs_scale: false,
        summary: "Individual typology angle of the mean L* and b*; higher is lighter. Also moved by exposure.",
        source: "Chardon, Cretois & Hourseau 1991, Int. J. Cosmet. Sci. 13:191",
    },
    Metric {
        id: "pigmentation.melanin_index",
        family: Family::Pigmentation,
        unit: "density",
        range: "about -1..=6",
        better: None,
        ratio_scale: false,
        needs_scale: false,
        summary: "Mean melanin density, unmixed from blood by rows for the baseline's skin tone; free of the level \
                  of light on light skin, not below an ITA of 16°; not a reflectance device's index.",
        source: "after Tsumura et al. 2003, ACM Trans. Graph. 22:770; rows chosen by us over modelled skin",
    },
    Metric {
        id: "pigmentation.spot_area_fraction",
        family: Family::Pigmentation,
        unit: "fraction",
        range: "0..=1",
        better: LOWER,
        ratio_scale: true,
        needs_scale: false,
        summary: "Share of the skin that lies in pigmented spots, found with thresholds frozen at the baseline.",
        source: "chosen by us; Tay et al. 2015, Br. J. Dermatol. 172:1, for area as a severity measure",
    },
    Metric {
        id: "pigmentation.spot_density_per_cm2",
        family: Family::Pigmentation,
        unit: "1/cm^2",
        range: "0..",
        better: LOWER,
        ratio_scale: true,
        needs_scale: true,
        summary: "Pigmented spots per square centimetre, found with thresholds frozen at the baseline.",
        source: "chosen by us",
    },
    Metric {
        id: "pigmentation.spot_contrast",
        family: Family::Pigmentation,
        unit: "density",
        range: "about -0.5..=6",
        better: LOWER,
        ratio_scale: true,
        needs_scale: false,
        summary: "Mean melanin above the surrounding skin in the places that were spots at the baseline, each \
                  weighed by its contrast there: faint finds do not dilute it.",
        source: "chosen by us: a mean over present spots would be one of survivors",
    },
    Metric {
        id: "pigmentation.relative_variation",
        family: Family::Pigmentation,
        unit: "density",
        range: "0..",
        better: LOWER,
        ratio_scale: true,
        needs_scale: false,
        summary: "Unevenness: standard deviation of melanin about its surroundings within 16 mm. Density is a \
                  logarithm, so its deviation is already relative to the mean; its own zero is arbitrary.",
        source: "after the variation of melanin of multi-spectral skin cameras; definition chosen by us",
    },
];

/// What this family measures on, all on the coarse level.
#[derive(Debug, Clone, Copy)]
pub struct Pigment<'a> {
    /// Melanin, from [`Maps::melanin`].
    pub melanin: &'a Plane,
    /// Melanin above the surrounding skin.
    pub excess: &'a Plane,
    /// The pixels of the spots found in this photo.
    pub spots: &'a Mask,
    /// The centres of the spots found in this photo, native pixels.
    pub centres: &'a [[f64; 2]],
    /// The contrast that the place each pixel shows had as a spot at the
    /// baseline; 0 where none was.
    pub baseline_spots: &'a Plane,
}

/// The metrics of this family in one region.
pub fn measure(maps: &Maps, pigment: &Pigment, region: &Region) -> Vec<Measured> {
    let sums = sum_tiles(&region.tiles, |x, y| {
        let [l, _, b] = maps.lab.each_ref().map(|plane| f64::from(plane[[y, x]]));
        let excess = f64::from(pigment.excess[[y, x]]);
        let weight = f64::from(pigment.baseline_spots[[y, x]]);
        let spot = f64::from(u8::from(pigment.spots[[y, x]]));
        let melanin = f64::from(pigment.melanin[[y, x]]);
        [1.0, l, b, melanin, spot, weight, weight * excess, excess, excess * excess]
    });
    let column = |i: usize| -> Vec<f64> { sums.iter().map(|sum| sum[i]).collect() };
    let cells = column(0);
    let mean = |i: usize| Estimate::ratio(&column(i), &cells);
    let contrast = Estimate::ratio(&column(6), &column(5));
    vec![
        Measured::new("pigmentation.l_star_mean", mean(1), NO_SKIN),
        Measured::new("pigmentation.ita_deg", ita(mean(1), mean(2)), NO_SKIN),
        Measured::new("pigmentation.melanin_index", mean(3), NO_SKIN),
        Measured::new("pigmentation.spot_area_fraction", mean(4), NO_SKIN),
        density(maps, pigment.centres, &region.tiles, &cells),
        Measured::new("pigmentation.spot_contrast", contrast, NONE_FOUND),
        Measured::new("pigmentation.relative_variation", deviation(mean(7), mean(8)), NO_SKIN),
    ]
}

/// The angle of (b*, L* − 50) with the influence of both.
fn ita(l: Option<Estimate>, b: Option<Estimate>) -> Option<Estimate> {
    let (l, b) = (l?, b?);
    let (rise, run) = (l.value() - 50.0, b.value());
    let reach = (rise * rise + run * run).max(f64::MIN_POSITIVE);
    let degrees = |radians: f64| radians.to_degrees();
    l.combined(&b, degrees(rise.atan2(run)), [degrees(run / reach), degrees(-rise / reach)])
}

/// The standard deviation from a mean and a mean square.
fn deviation(mean: Option<Estimate>, square: Option<Estimate>) -> Option<Estimate> {
    let (mean, square) = (mean?, square?);
    let deviation = (square.value() - mean.value().powi(2)).max(0.0).sqrt();
    if deviation == 0.0 {
        return square.through(0.0, 0.0);
    }
    square.combined(&mean, deviation, [0.5 / deviation, -mean.value() / deviation])
}

/// Spots per square centimetre; each counts in the tile that its centre shows.
fn density(maps: &Maps, centres: &[[f64; 2]], tiles: &Tiles, cells: &[f64]) -> Measured {
    const ID: &str = "pigmentation.spot_density_per_cm2";
    if !maps.coarse.scale.physical {
        return Measured::absent(ID, NO_SCALE);
    }
    let mut counts = vec![0.0; tiles.count()];
    centres.iter().filter_map(|&[x, y]| tiles.at(x, y)).for_each(|tile| counts[tile] += 1.0);
    let cell_cm2 =
        (tiles.factor() as f64 / (10.0 * maps.coarse.scale.px(1.0) * maps.coarse.factor as f64)).powi(2);
    let areas: Vec<f64> = cells.iter().map(|count| count * cell_cm2).collect();
    Measured::new(ID, Estimate::ratio(&counts, &areas), NO_SKIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::MELANIN;
    use crate::metrics::maps::Level;
    use crate::units::FilterScale;
    use ndarray::Array2;

    /// Four tiles of 2 × 2 cells, 10 px/mm at cells of 5 px.
    struct Skin {
        maps: Maps,
        excess: Plane,
        spots: Mask,
        region: Region,
    }

    fn skin(linear: impl Fn(usize, usize) -> [f32; 3], physical: bool) -> Skin {
        let all = Mask::from_elem((4, 4), true);
        let scale = FilterScale { px_per_mm: 2.0, physical };
        let level = Level { factor: 5, scale, skin: all.clone() };
        let density = std::array::from_fn(|c| Plane::from_shape_fn((4, 4), |(y, x)| -linear(x, y)[c].ln()));
        let maps = Maps::new((20, 20), level.clone(), Plane::zeros((4, 4)), level, density);
        let excess = Plane::from_shape_fn((4, 4), |(y, x)| if x == 0 { 0.4 } else { 0.1 * (y % 2) as f32 });
        let spots = Array2::from_shape_fn((4, 4), |(_, x)| x == 0);
        let region = Region { name: "skin".into(), tiles: Tiles::of_mask(&all, 5, 2) };
        Skin { maps, excess, spots, region }
    }

    fn values(skin: &Skin, baseline_spots: &Mask) -> Vec<Measured> {
        values_weighed(skin, &baseline_spots.mapv(|spot| if spot { 0.4 } else { 0.0 }))
    }

    fn values_weighed(skin: &Skin, baseline_spots: &Plane) -> Vec<Measured> {
        let pigment = Pigment {
            melanin: &skin.maps.melanin,
            excess: &skin.excess,
            spots: &skin.spots,
            centres: &[[0.0, 0.0], [7.0, 12.0], [400.0, 0.0]],
            baseline_spots,
        };
        measure(&skin.maps, &pigment, &skin.region)
    }

    fn value(measured: &[Measured], id: &str) -> f64 {
        let found = measured.iter().find(|m| m.id == id).unwrap();
        found.outcome.as_ref().unwrap().value()
    }

    #[test]
    fn every_id_of_the_catalogue_is_measured_in_its_order() {
        let skin = skin(|_, _| [0.4, 0.3, 0.2], true);
        let ids: Vec<_> = values(&skin, &skin.spots).iter().map(|m| m.id).collect();
        assert_eq!(ids, CATALOGUE.iter().map(|metric| metric.id).collect::<Vec<_>>());
    }

    /// Grey 0.184 is L* 50 (CIE: 116·0.184186^⅓ − 16) with b* 0, so the
    /// angle of any lighter grey is 90°.
    #[test]
    fn grey_skin_has_the_lightness_of_the_grey_and_an_upright_angle() {
        let skin = skin(|_, _| [0.25; 3], true);
        let measured = values(&skin, &skin.spots);
        // 116·0.25^⅓ − 16 = 57.076.
        assert!((value(&measured, "pigmentation.l_star_mean") - 57.076).abs() < 1e-2);
        assert!((value(&measured, "pigmentation.ita_deg") - 90.0).abs() < 0.2);
    }

    #[test]
    fn spots_are_shares_counts_and_means_worked_by_hand() {
        let skin = skin(|_, _| [0.4, 0.3, 0.2], true);
        let measured = values(&skin, &skin.spots);
        // A column of four.
        assert_eq!(value(&measured, "pigmentation.spot_area_fraction"), 0.25);
        assert!((value(&measured, "pigmentation.spot_contrast") - 0.4).abs() < 1e-6);
        // Two centres on 20 px / 10 px/mm = 2 mm squared = 0.04 cm².
        assert!((value(&measured, "pigmentation.spot_density_per_cm2") - 50.0).abs() < 1e-9);
        // Four of 0.4, six of 0.1, six of 0: mean 2.2/16, mean square 0.7/16.
        let expected = (0.7f64 / 16.0 - (2.2f64 / 16.0).powi(2)).sqrt();
        assert!((value(&measured, "pigmentation.relative_variation") - expected).abs() < 1e-6);
    }

    #[test]
    fn a_clear_spot_weighs_more_than_a_faint_one() {
        let skin = skin(|_, _| [0.4, 0.3, 0.2], true);
        let faint = [(0, 1), (2, 1), (2, 2), (2, 3)];
        let spots = Plane::from_shape_fn((4, 4), |at| match at {
            (_, 0) => 0.4,
            at if faint.contains(&at) => 0.1,
            _ => 0.0,
        });
        // Four cells of 0.4 weigh 1.6 together; four of 0, on even lines, 0.4.
        let contrast = value(&values_weighed(&skin, &spots), "pigmentation.spot_contrast");
        assert!((contrast - 0.4 * 1.6 / 2.0).abs() < 1e-6, "{contrast}");
    }

    #[test]
    fn melanin_comes_back_whatever_the_shading() {
        let pigment = 0.7f32;
        let mixed = |x: usize| MELANIN.map(|m| (-(pigment * m + 0.3 + 0.2 * x as f32)).exp());
        let skin = skin(|x, _| mixed(x), true);
        let measured = values(&skin, &skin.spots);
        assert!((value(&measured, "pigmentation.melanin_index") - 0.7).abs() < 1e-4);
    }

    #[test]
    fn what_cannot_be_is_absent_with_its_reason() {
        let skin = skin(|_, _| [0.4, 0.3, 0.2], false);
        let none = Mask::from_elem((4, 4), false);
        let reason = |id: &str| values(&skin, &none).into_iter().find(|m| m.id == id).unwrap().outcome.err();
        assert_eq!(reason("pigmentation.spot_density_per_cm2"), Some(NO_SCALE));
        assert_eq!(reason("pigmentation.spot_contrast"), Some(NONE_FOUND));
        let nowhere = Region { name: "none".into(), tiles: Tiles::of_mask(&none, 5, 2) };
        let outside = Skin { region: nowhere, ..skin };
        assert_eq!(values(&outside, &none)[0].outcome, Err(NO_SKIN));
    }

    #[test]
    fn the_angles_influence_follows_lightness_and_yellowness() {
        let l = Estimate::ratio(&[59.0, 61.0], &[1.0, 1.0]);
        let b = Estimate::ratio(&[10.0, 10.0], &[1.0, 1.0]);
        // At L* 60, b* 10 the angle is 45° and turns by half a radian per ten
        // units of L*: its error is that of L*, 1, times 1/20 radian.
        let angle = ita(l, b).unwrap();
        assert!((angle.value() - 45.0).abs() < 1e-9);
        assert!((angle.standard_error().unwrap() - (1.0f64 / 20.0).to_degrees()).abs() < 1e-9);
    }
}
