use super::*;
use crate::calibration::{Method, ShadingField};
use crate::quality::relief::FaintTexture;
use crate::quality::{Contrast, PartContrast, SkinContrast};

fn quality() -> Quality {
    Quality {
        usable: true,
        sharpness: 0.9,
        blur_sigma_px: Some(1.0),
        clipped_fraction: 0.0,
        clipped_left: 0.0,
        colour_cast: Some(0.05),
        glare_fraction: 0.01,
        exposure: 0.3,
        noise: Some(0.01),
        coverage: 0.9,
        warnings: Vec::new(),
    }
}

fn calibration() -> Calibration {
    let gains = [1.05, 1.0, 0.97];
    Calibration { method: Method::ReferenceSkin, gains, delta_e_2000: Some(0.8), ..Calibration::none() }
}

const SAME_FOCUS: RelativeBlur =
    RelativeBlur { sigma_mm: 0.01, sigma_px: 0.2, contrast: 1.02, variance_error: 0.001 };
const SAME_LIGHT: ReliefAgreement = ReliefAgreement {
    correlation: 0.96,
    turn: 0.02,
    texture: Some(FaintTexture { forth: 0.97, back: 0.99 }),
    blocks: 40,
};
const SAME_SKIN: PartContrast = PartContrast {
    ordinary: [Contrast { ratio: 1.03, agreement: 1.0 }, Contrast { ratio: 0.97, agreement: 1.0 }],
    lesions: [None; 2],
};

/// A pair, with what it refers to.
struct Case {
    qualities: [Quality; 2],
    facts: [CaptureFacts; 2],
    calibration: Calibration,
    scale_ratio: f64,
    stretch: f64,
    blur: Option<RelativeBlur>,
    relief: Option<ReliefAgreement>,
    skin_contrast: Option<SkinContrast>,
}

/// The verdict on a good pair after `spoil` had its way with it.
fn judged(spoil: impl Fn(&mut Case)) -> Comparability {
    let mut case = Case {
        qualities: [quality(), quality()],
        facts: [CaptureFacts::default(); 2],
        calibration: calibration(),
        scale_ratio: 1.02,
        stretch: 1.01,
        blur: Some(SAME_FOCUS),
        relief: Some(SAME_LIGHT),
        skin_contrast: Some(SkinContrast { whole: SAME_SKIN, halves: vec![SAME_SKIN; 4] }),
    };
    spoil(&mut case);
    compare(&Pair {
        reference: (&case.qualities[0], &case.facts[0]),
        moving: (&case.qualities[1], &case.facts[1]),
        scale_ratio: case.scale_ratio,
        stretch: case.stretch,
        blur: case.blur,
        relief: case.relief,
        skin_contrast: case.skin_contrast,
        calibration: &case.calibration,
    })
}

fn codes(comparability: &Comparability, family: Family) -> Vec<&str> {
    let of_family = comparability.reasons.iter().filter(|reason| reason.family == family);
    of_family.map(|reason| reason.warning.code.as_str()).collect()
}

#[test]
fn a_good_pair_is_comparable_throughout() {
    let good = judged(|_| ());
    assert_eq!((good.status(), good.reasons.len(), good.warnings.len()), (Comparable::Yes, 0, 0));
}

#[test]
fn flash_against_no_flash_never_compares_relief() {
    let verdict = judged(|case| {
        case.facts[0].flash_fired = Some(false);
        case.facts[1].flash_fired = Some(true);
    });
    assert_eq!(codes(&verdict, Family::Relief), ["flash_differs"]);
    assert_eq!(verdict.status(), Comparable::Partly);
}

#[test]
fn light_from_elsewhere_forbids_relief_and_not_colour() {
    let verdict = judged(|case| case.relief = Some(ReliefAgreement { correlation: 0.1, ..SAME_LIGHT }));
    assert_eq!(codes(&verdict, Family::Relief), ["light_differs"]);
    assert!(verdict.allows(Family::Colour));
    assert_eq!(codes(&judged(|case| case.relief = None), Family::Relief), ["light_unknown"]);
}

#[test]
fn every_cause_names_itself() {
    let blur = RelativeBlur { sigma_mm: -0.09, sigma_px: -1.2, ..SAME_FOCUS };
    let hard = RelativeBlur { contrast: 2.1, ..SAME_FOCUS };
    assert_eq!(codes(&judged(|case| case.blur = Some(blur)), Family::Relief), ["blur_differs"]);
    assert_eq!(codes(&judged(|case| case.blur = Some(hard)), Family::Relief), ["light_hardness_differs"]);
    assert_eq!(codes(&judged(|case| case.scale_ratio = 1.3), Family::Relief), ["scale_differs"]);
    assert!(codes(&judged(|case| case.scale_ratio = 0.7999), Family::Relief).is_empty());
    assert_eq!(codes(&judged(|case| case.stretch = 1.4), Family::Relief), ["tilt_differs"]);
    let message = judged(|case| case.blur = Some(blur)).reasons[0].warning.message.clone();
    assert!(message.contains("baseline photo is more blurred"), "{message}");
}

#[test]
fn colour_needs_a_calibration_that_fits() {
    let none = Calibration::none();
    let poor = Calibration { delta_e_2000: Some(4.5), ..calibration() };
    let slanted = ShadingField::new([0.6, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]);
    let moved = Calibration { field: Some(slanted), ..calibration() };
    let verdict = |calibration: &Calibration| judged(|case| case.calibration = calibration.clone());
    assert_eq!(codes(&verdict(&none), Family::Colour), ["not_calibrated"]);
    assert_eq!(codes(&verdict(&poor), Family::Colour), ["colour_not_matched"]);
    assert_eq!(codes(&verdict(&moved), Family::Relief), ["light_position_differs"]);
    assert!(verdict(&moved).allows(Family::Colour));
}

#[test]
fn an_unusable_photo_compares_nothing() {
    let verdict = judged(|case| case.qualities[1].usable = false);
    assert_eq!(verdict.status(), Comparable::No);
    assert!(verdict.reason(Family::Colour).expect("a reason").message.contains("follow-up"));
}

#[test]
fn light_from_a_little_further_round_forbids_relief_and_not_colour() {
    let verdict = judged(|case| case.relief = Some(ReliefAgreement { turn: 0.2, ..SAME_LIGHT }));
    assert_eq!(codes(&verdict, Family::Relief), ["light_turned"]);
    assert!(verdict.allows(Family::Colour));
}

#[test]
fn a_filter_in_either_photo_forbids_everything_and_names_the_photo() {
    let filter = |forth: f64, back: f64, noise: f64| {
        judged(|case| {
            case.relief = Some(ReliefAgreement { texture: Some(FaintTexture { forth, back }), ..SAME_LIGHT });
            case.qualities[1].noise = Some(noise);
        })
    };
    for (verdict, which) in [(filter(0.6, 1.2, 0.006), "follow-up"), (filter(1.2, 0.6, 0.02), "baseline")] {
        assert_eq!(verdict.status(), Comparable::No);
        assert!(verdict.reasons.iter().all(|reason| reason.warning.code == "smoothed"));
        assert!(verdict.reasons[0].warning.message.contains(which));
    }
    // Texture that treatment made finer keeps its noise; compression loses agreement both ways.
    assert_eq!(filter(0.7, 1.2, 0.01).status(), Comparable::Yes);
    assert_eq!(filter(0.7, 0.7, 0.006).status(), Comparable::Yes);
}

#[test]
fn a_layer_over_the_skin_forbids_colour_and_paler_blood_does_not() {
    let paired = |ratios: [f64; 2], agreements: [f64; 2]| {
        [0, 1].map(|i| Contrast { ratio: ratios[i], agreement: agreements[i] })
    };
    let with = |ordinary: [Contrast; 2], lesions: [Option<Contrast>; 2]| {
        judged(|case| {
            let whole = PartContrast { ordinary, lesions };
            case.skin_contrast = Some(SkinContrast { whole, halves: Vec::new() });
        })
    };
    let agreeing =
        |pigment: f64, blood: f64, agreement: [f64; 2]| with(paired([pigment, blood], agreement), [None; 2]);
    let contrast = |pigment: f64, blood: f64| agreeing(pigment, blood, [1.0; 2]);
    assert_eq!(codes(&contrast(0.5, 0.52), Family::Colour), ["skin_covered"]);
    assert!(contrast(0.5, 0.52).reasons[0].warning.message.contains("follow-up"));
    assert!(contrast(2.0, 2.0).reasons[0].warning.message.contains("baseline"));
    assert_eq!(contrast(1.0, 0.7).status(), Comparable::Yes);
    // Half the spread, yet most of the baseline's pattern is not found again: noise.
    assert_eq!(agreeing(0.5, 0.52, [0.4, 0.5]).status(), Comparable::Yes);
    // The same noise, but spots and red patches lost what skin did: a layer. Nothing of theirs: noise.
    let noisy = paired([0.7, 0.75], [0.6, 0.6]);
    let lesions = |pigment: f64, blood: f64| with(noisy, paired([pigment, blood], [0.97; 2]).map(Some));
    assert_eq!(codes(&lesions(0.6, 0.65), Family::Colour), ["skin_covered"]);
    assert_eq!(lesions(0.97, 0.95).status(), Comparable::Yes);
    assert_eq!(lesions(1.0, 0.3).status(), Comparable::Yes); // redness alone: treatment
    // All spots and redness faded, and faint spots of ordinary skin with them, but not its blood.
    let healed = with(paired([0.5, 0.9], [0.6; 2]), paired([0.5, 0.7], [0.9; 2]).map(Some));
    assert_eq!(healed.status(), Comparable::Yes);
}

#[test]
fn a_layer_over_half_of_the_skin_forbids_colour() {
    let part = |ratio: f64| {
        let all = [Contrast { ratio, agreement: 0.8 }; 2];
        PartContrast { ordinary: all, lesions: [Some(all[0]), None] }
    };
    // The whole pales a little; half of it a lot, or as little as chance does.
    let with = |half: f64| {
        judged(|case| {
            let halves = vec![part(1.0), part(half), part(0.85), part(0.85)];
            case.skin_contrast = Some(SkinContrast { whole: part(0.85), halves });
        })
    };
    assert_eq!(codes(&with(0.6), Family::Colour), ["skin_covered"]);
    assert!(with(0.6).reasons[0].warning.message.contains("follow-up"));
    assert!(with(1.0 / 0.6).reasons[0].warning.message.contains("baseline"));
    assert_eq!(with(0.75).status(), Comparable::Yes);
}

#[test]
fn another_lens_is_warned_of() {
    let warned = judged(|case| {
        case.facts[0].focal_length_mm = Some(50.0);
        case.facts[1].focal_length_mm = Some(85.0);
    });
    assert_eq!((warned.status(), warned.warnings[0].code.as_str()), (Comparable::Yes, "lens_differs"));
}
