//! Clinical scales: which of their items a photograph carries, and which not.
//!
//! No grade is given: a grade needs a clinician. Where an item is a quantity
//! that a photo holds, its continuous sub-score is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session::{MetricRecord, Session};

/// What a photo has to do with an item of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The item's own quantity is measured.
    Computed,
    /// Something that goes along with it is measured.
    Proxy,
    /// A photo cannot carry it.
    NotInAPhoto,
}

/// An item of a clinical scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScaleItem {
    /// The scale.
    pub scale: String,
    /// Its item.
    pub item: String,
    /// What the photo has to do with it.
    pub basis: Basis,
    /// The metrics that bear on it, by id.
    pub metric_ids: Vec<String>,
    /// What that means, or why not.
    pub note: String,
}

/// A continuous sub-score: what the scale's steps are cut from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubScore {
    /// The scale.
    pub scale: String,
    /// Its item.
    pub item: String,
    /// The region.
    pub region: String,
    /// The session.
    pub session: String,
    /// The sub-score, in the scale's range.
    pub value: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
}

/// Clinical scales beside what was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scales {
    /// Item by item.
    pub items: Vec<ScaleItem>,
    /// Where a sub-score can be computed.
    pub sub_scores: Vec<SubScore>,
}

const MMASI: &str = "mMASI";
const AREA: &str = "area";
const SPOT_AREA: &str = "pigmentation.spot_area_fraction";

/// Scale, item, basis, metrics, note. Pandya et al. 2011 (mMASI), Tan et al.
/// 2014 (CEA), Draaijers et al. 2004 (POSAS), Goodman and Baron 2006.
type Row = (&'static str, &'static str, Basis, &'static [&'static str], &'static str);
const ITEMS: &[Row] = &[
    (
        MMASI,
        AREA,
        Basis::Computed,
        &[SPOT_AREA],
        "share of the region that is darker than the skin around it, on the scale's 0 to 6",
    ),
    (
        MMASI,
        "darkness",
        Basis::Proxy,
        &["pigmentation.spot_contrast"],
        "excess density of spots; the grade from 0 to 4 is a clinician's",
    ),
    (
        "CEA",
        "erythema",
        Basis::Proxy,
        &["redness.a_star_mean", "redness.hemoglobin_index"],
        "follows redness within one set-up; the grade from 0 to 4 is a clinician's",
    ),
    (
        "POSAS observer",
        "vascularity",
        Basis::Proxy,
        &["redness.hemoglobin_index", "redness.area_fraction"],
        "colour only: refill under pressure is not seen",
    ),
    (
        "POSAS observer",
        "pigmentation",
        Basis::Proxy,
        &["pigmentation.melanin_index", "pigmentation.spot_contrast"],
        "density against the skin around it, not a score from 1 to 10",
    ),
    (
        "POSAS observer",
        "relief",
        Basis::Proxy,
        &["texture.contrast_medium", "scars.shading_contrast"],
        "shading under this light, not height",
    ),
    (
        "POSAS observer",
        "surface area",
        Basis::Computed,
        &["scars.area_fraction"],
        "share of the region, not the change from the original wound",
    ),
    ("POSAS observer", "thickness", Basis::NotInAPhoto, &[], "a photo has no depth: ultrasound or palpation"),
    ("POSAS observer", "pliability", Basis::NotInAPhoto, &[], "a photo does not touch: palpation or suction"),
    ("POSAS patient", "pain, itch, stiffness", Basis::NotInAPhoto, &[], "only the patient can tell"),
    (
        "Goodman-Baron",
        "number of scars",
        Basis::Proxy,
        &["scars.count"],
        "atrophic scars that cast a shade; many are missed",
    ),
    (
        "Goodman-Baron",
        "type and severity",
        Basis::NotInAPhoto,
        &[],
        "needs depth and stretching of the skin, and a clinician's eye",
    ),
];

/// Where the area score of the mMASI changes from one grade to the next: below
/// 10 % it is 1, below 30 % 2, below 50 % 3, below 70 % 4, below 90 % 5, and 6
/// above. The sub-score runs straight from border to border, where it is half
/// way between the two grades.
const AREA_SCORE: [(f64, f64); 7] =
    [(0.0, 0.0), (0.1, 1.5), (0.3, 2.5), (0.5, 3.5), (0.7, 4.5), (0.9, 5.5), (1.0, 6.0)];

/// The scales beside the values of `sessions`.
pub(super) fn of(sessions: &[Session]) -> Scales {
    let items = ITEMS.iter().map(|&(scale, item, basis, metrics, note)| ScaleItem {
        scale: scale.into(),
        item: item.into(),
        basis,
        metric_ids: metrics.iter().map(|&id| id.into()).collect(),
        note: note.into(),
    });
    let areas = sessions.iter().flat_map(|session| {
        session.regions.iter().filter_map(|region| {
            let (value, standard_error) = area_score(region.metrics.get(SPOT_AREA)?)?;
            Some(SubScore {
                scale: MMASI.into(),
                item: AREA.into(),
                region: region.region.clone(),
                session: session.session.clone(),
                value,
                standard_error,
            })
        })
    });
    Scales { items: items.collect(), sub_scores: areas.collect() }
}

/// The area sub-score and its standard error, from a share of skin.
fn area_score(record: &MetricRecord) -> Option<(f64, Option<f64>)> {
    let share = record.value?.clamp(0.0, 1.0);
    let ends = AREA_SCORE.windows(2).find(|ends| share <= ends[1].0)?;
    let slope = (ends[1].1 - ends[0].1) / (ends[1].0 - ends[0].0);
    let score = ends[0].1 + slope * (share - ends[0].0);
    Some((score, record.standard_error.map(|error| slope * error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::metric;
    use crate::series::testing::{region, session};

    fn score(share: f64) -> SubScore {
        let scales = of(&[session("a", 0, vec![region("skin", SPOT_AREA, share)])]);
        scales.sub_scores.into_iter().next().unwrap()
    }

    #[test]
    fn the_area_score_rounds_to_the_grade_of_its_share() {
        for (share, grade) in
            [(0.0, 0.0), (0.05, 1.0), (0.2, 2.0), (0.4, 3.0), (0.69, 4.0), (0.8, 5.0), (1.0, 6.0)]
        {
            assert_eq!(score(share).value.round(), grade, "{share}");
        }
    }

    #[test]
    fn its_error_follows_the_slope() {
        // From 10 % to 30 %, one grade over 0.2: five grades per unit of share.
        assert!((score(0.2).standard_error.unwrap() - 5.0 * 0.02).abs() < 1e-12);
    }

    #[test]
    fn every_metric_named_is_in_the_catalogue() {
        assert!(ITEMS.iter().flat_map(|item| item.3).all(|id| metric(id).is_some()));
    }
}
