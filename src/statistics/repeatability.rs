//! How much a value varies when the same skin is photographed again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Family;

/// Degrees of freedom from which a clinic's own repeats replace the table:
/// with fewer, the 95 % interval of their standard deviation spans more than
/// a factor of five.
pub const LEAST_DEGREES: f64 = 4.0;

/// How many photographs the published figures count for beside the perturbed
/// copies: few copies alone tell a standard deviation badly.
pub const PUBLISHED_DEGREES: f64 = 4.0;

/// Where a capture error comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorSource {
    /// Further shots of the same view in one session. The patient did not
    /// come back in between: a lower bound for sessions apart.
    Repeats,
    /// A clinic's own table of repeat photographs.
    File,
    /// The baseline perturbed by computer, joined with published figures: a
    /// lower bound.
    Perturbation,
    /// Published repeat photographs with other cameras: a lower bound.
    Published,
}

/// A within-subject standard deviation that a clinic found on its own repeat
/// photographs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The standard deviation, in the metric's unit; a share of the dose for [`LESION_DOSE_ID`].
    pub sd: f64,
    /// Degrees of freedom it is known by: photographs less patients; none is
    /// taken as known for sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees: Option<f64>,
}

/// Standard deviation of a value over repeated photos of unchanged skin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CaptureError {
    /// The part that does not depend on the value, in the metric's unit.
    pub absolute: f64,
    /// The part that grows with the value, as its share.
    pub relative: f64,
    /// Degrees of freedom it is known by.
    pub degrees: f64,
    /// Where it comes from.
    pub source: ErrorSource,
}

impl CaptureError {
    /// The standard deviation at a value.
    pub fn at(&self, value: f64) -> f64 {
        self.absolute.hypot(self.relative * value)
    }
}

/// The minimal detectable change: the difference of two single measurements
/// of unchanged skin stays below it in 95 % of cases,
/// `1.96 · √(s₁² + s₂²)`, which for equal errors is `1.96 · √2 · s`.
///
/// ```
/// assert!((dermalapse::statistics::repeatability::mdc95(1.0, 1.0) - 2.7719).abs() < 1e-4);
/// ```
pub fn mdc95(first: f64, second: f64) -> f64 {
    1.96 * first.hypot(second)
}

/// The within-subject standard deviation of groups of repeats and its degrees
/// of freedom, `√(Σ(kᵢ−1)sᵢ² / Σ(kᵢ−1))`; `None` if no group has two values.
///
/// ```
/// use dermalapse::statistics::repeatability::within_subject;
/// // Variances 1 (of 1, 2, 3) and 2 (of 4, 6): √((2·1 + 1·2) / 3).
/// let (sd, degrees) = within_subject(&[vec![1.0, 2.0, 3.0], vec![4.0, 6.0], vec![9.0]]).unwrap();
/// assert!((sd - (4.0f64 / 3.0).sqrt()).abs() < 1e-12 && degrees == 3.0);
/// ```
pub fn within_subject(groups: &[Vec<f64>]) -> Option<(f64, f64)> {
    let squares = |group: &Vec<f64>| {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        group.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let degrees: f64 = groups.iter().map(|group| group.len().saturating_sub(1) as f64).sum();
    let total: f64 = groups.iter().filter(|group| group.len() > 1).map(squares).sum();
    (degrees > 0.0).then(|| ((total / degrees).sqrt(), degrees))
}

/// What is known of the capture error of each metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Repeatability {
    known: BTreeMap<String, CaptureError>,
}

impl Repeatability {
    /// The best that is known of each metric: what `listed` says; else what
    /// `repeats` tell, for each metric the groups of values that only the
    /// photograph distinguishes, if they have [`LEAST_DEGREES`]; else what
    /// `perturbed` tell, for each metric the differences of perturbed copies
    /// to their original, joined with the published figure.
    pub fn new(
        listed: &BTreeMap<String, Listed>,
        repeats: &BTreeMap<String, Vec<Vec<f64>>>,
        perturbed: &BTreeMap<String, Perturbed>,
    ) -> Self {
        let mut known = BTreeMap::new();
        for (metric, copies) in perturbed {
            known.extend(copies.joined(metric).map(|error| (metric.clone(), error)));
        }
        for (metric, groups) in repeats {
            if let Some((sd, degrees)) = within_subject(groups).filter(|known| known.1 >= LEAST_DEGREES) {
                let error =
                    CaptureError { absolute: sd, relative: 0.0, degrees, source: ErrorSource::Repeats };
                known.insert(metric.clone(), error);
            }
        }
        for (metric, listed) in listed {
            let degrees = listed.degrees.unwrap_or(f64::INFINITY);
            let (absolute, relative) =
                if metric == LESION_DOSE_ID { (0.0, listed.sd) } else { (listed.sd, 0.0) };
            known.insert(
                metric.clone(),
                CaptureError { absolute, relative, degrees, source: ErrorSource::File },
            );
        }
        Self { known }
    }

    /// The capture error of a metric, learned or published; `None` for an id
    /// that is not in the catalogue.
    pub fn of(&self, metric: &str) -> Option<CaptureError> {
        self.known.get(metric).copied().or_else(|| published(metric))
    }

    /// The relative capture error of a lesion's dose, where a table gives one.
    pub fn lesion_dose(&self) -> Option<f64> {
        self.known.get(LESION_DOSE_ID).map(|error| error.relative)
    }
}

/// What perturbed copies of one photo say of one metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Perturbed {
    /// The value on the photo itself.
    pub original: f64,
    /// The values on its copies.
    pub copies: Vec<f64>,
}

impl Perturbed {
    /// The scatter of the copies about the original, joined with the
    /// published error as if that were [`PUBLISHED_DEGREES`] more copies.
    fn joined(&self, metric: &str) -> Option<CaptureError> {
        let prior = of_rig(metric).filter(|_| !self.copies.is_empty())?;
        let squares: f64 = self.copies.iter().map(|copy| (copy - self.original).powi(2)).sum();
        let degrees = PUBLISHED_DEGREES + self.copies.len() as f64;
        let share = |published: f64| published * (PUBLISHED_DEGREES / degrees).sqrt();
        let absolute = (squares / degrees).sqrt().hypot(share(prior.absolute));
        let source = ErrorSource::Perturbation;
        // A computer does not move the lamp: its part is not in the copies.
        let relative = share(prior.relative).hypot(lamp(metric));
        Some(CaptureError { absolute, relative, degrees, source })
    }
}

/// The error of published repeat photographs, with that of a lamp set up anew;
/// `None` for an unknown id.
fn published(metric: &str) -> Option<CaptureError> {
    let rig = of_rig(metric)?;
    Some(CaptureError { relative: rig.relative.hypot(lamp(metric)), ..rig })
}

/// Relative error of the contrast of relief where lamp and head are set up by
/// hand: shading goes with the cotangent of the lamp's elevation, which 0.8° at
/// 55° changes by 3 %. Re-photographs of unchanged rendered skin with the lamp off by 1.5°
/// differ by 5 % in contrast, 8 to 10 % in its square.
const LAMP: f64 = 0.03;

/// How a metric goes with the contrast of relief, times [`LAMP`]: in proportion,
/// with its square, or, for pores that are counted above a fixed contrast,
/// faster.
fn lamp(metric: &str) -> f64 {
    let power = match metric {
        "texture.contrast_fine" | "texture.contrast_medium" | "texture.contrast_coarse" => 1.0,
        "texture.glcm_contrast" | "texture.glcm_angular_second_moment" => 2.0,
        "pores.density_per_cm2" | "pores.area_fraction" => 3.0,
        _ => 0.0,
    };
    LAMP * power
}

/// The error of repeat photographs with a camera, lamp and head rest that stay as they are.
fn of_rig(metric: &str) -> Option<CaptureError> {
    let family = crate::metrics::metric(metric)?.family;
    let (absolute, relative) = tabled(metric, family);
    Some(CaptureError { absolute, relative, degrees: f64::INFINITY, source: ErrorSource::Published })
}

/// The name under which a table gives the relative error of lesions' doses.
pub const LESION_DOSE_ID: &str = "lesions.dose";

/// Standard deviations of repeated photos, absolute and relative.
///
/// Relative ones are those of a standardised camera: 2 % for texture and
/// brown spots, 2 to 4 % for pores and red areas, 6 % for spots and wrinkles
/// (8 people, repositioned after a week; precision of the VISIA, 2024). Where
/// our own re-photographs of unchanged skin scattered more, their scatter
/// stands: 10 % for wrinkles, 15 % for scars and papules, 20 % for stretch
/// marks; and half a millimetre of line per cm², as faint lines come and go.
/// Those
/// of colour are the mid-term precision of calibrated photographs, ΔE 0.34
/// (Vander Haeghen et al. 2000, *IEEE Trans. Med. Imaging* 19:1175), shared
/// between the axes. Shares of area have an absolute part as well: the rim of
/// a faint patch comes and goes.
fn tabled(metric: &str, family: Family) -> (f64, f64) {
    match (metric, family) {
        ("redness.area_fraction", _) => (0.002, 0.04),
        ("redness.hemoglobin_index", _) => (0.015, 0.0),
        (_, Family::Redness) => (0.25, 0.0),
        ("pigmentation.spot_area_fraction", _) => (0.003, 0.06),
        ("pigmentation.spot_density_per_cm2", _) => (0.1, 0.06),
        ("pigmentation.spot_contrast" | "pigmentation.relative_variation", _) => (0.005, 0.02),
        ("pigmentation.melanin_index", _) => (0.02, 0.0),
        ("pigmentation.ita_deg", _) => (0.6, 0.0),
        (_, Family::Pigmentation) => (0.25, 0.0),
        ("texture.anisotropy" | "texture.glcm_correlation", _) => (0.01, 0.0),
        (_, Family::Texture) => (0.0, 0.02),
        (_, Family::Pores) => (0.0, 0.04),
        ("wrinkles.length_density_mm_per_cm2", _) => (0.45, 0.10),
        (_, Family::Wrinkles) => (0.0, 0.10),
        ("stretch_marks.area_fraction", _) => (0.02, 0.20),
        ("stretch_marks.length_density_mm_per_cm2", _) => (0.45, 0.20),
        ("scars.count", _) => (1.0, 0.15),
        (_, Family::Scars) => (0.002, 0.15),
        (_, Family::StretchMarks | Family::Inflammation) => (1.0, 0.15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue;

    const METRIC: &str = "redness.a_star_mean";

    fn learned(
        listed: Option<f64>,
        repeats: Vec<Vec<f64>>,
        perturbed: Option<Perturbed>,
    ) -> (CaptureError, Repeatability) {
        let listed = listed.map(|sd| (METRIC.to_owned(), Listed { sd, degrees: Some(9.0) }));
        let known = Repeatability::new(
            &listed.into_iter().collect(),
            &BTreeMap::from([(METRIC.to_owned(), repeats)]),
            &perturbed.into_iter().map(|copies| (METRIC.to_owned(), copies)).collect(),
        );
        (known.of(METRIC).unwrap(), known)
    }

    #[test]
    fn a_few_repeats_keep_the_published_error_and_enough_replace_it() {
        let few = learned(None, vec![vec![14.0, 15.0]], None).0;
        assert_eq!((few.source, few.at(14.0)), (ErrorSource::Published, 0.25));
        // Four pairs, each 1 apart: variance 1/2.
        let enough = learned(None, vec![vec![14.0, 15.0]; 4], None).0;
        assert_eq!((enough.source, enough.degrees), (ErrorSource::Repeats, 4.0));
        assert!((enough.at(14.0) - 0.5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn copies_join_the_published_error_and_a_clinics_table_beats_everything() {
        let copies = Perturbed { original: 14.0, copies: vec![14.5, 13.5] };
        let joined = learned(None, vec![], Some(copies.clone())).0;
        // Two copies 0.5 off and four published ones of 0.25: (2·0.25 + 4·0.0625) / 6 = 0.125.
        assert_eq!((joined.source, joined.degrees), (ErrorSource::Perturbation, 6.0));
        assert!((joined.at(14.0) - 0.125f64.sqrt()).abs() < 1e-12);
        let own = learned(Some(0.1), vec![vec![14.0, 15.0]; 4], Some(copies)).0;
        assert_eq!((own.source, own.at(14.0), own.degrees), (ErrorSource::File, 0.1, 9.0));
    }

    #[test]
    fn a_table_may_list_the_error_of_lesions() {
        let listed = BTreeMap::from([(LESION_DOSE_ID.to_owned(), Listed { sd: 0.01, degrees: None })]);
        let known = Repeatability::new(&listed, &BTreeMap::new(), &BTreeMap::new());
        assert_eq!((known.lesion_dose(), Repeatability::default().lesion_dose()), (Some(0.01), None));
    }

    #[test]
    fn every_metric_has_a_capture_error_and_nothing_else_has() {
        assert!(catalogue().all(|metric| Repeatability::default().of(metric.id).unwrap().at(1.0) > 0.0));
        assert_eq!(Repeatability::default().of("redness.nonsense"), None);
        assert_eq!(within_subject(&[vec![1.0], vec![]]), None);
    }
}
