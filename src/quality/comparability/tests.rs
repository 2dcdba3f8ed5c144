use super::*;
use crate::calibration::ShadingField;

fn quality() -> Quality {
    Quality {
        usable: true,
        sharpness: 0.9,
        blur_sigma_px: Some(1.0),
        clipped_fraction: 0.0,
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
const SAME_LIGHT: ReliefAgreement = ReliefAgreement { correlation: 0.85, blocks: 40 };

/// The verdict on a good pair after `spoil` had its way with it.
fn judged(spoil: impl Fn(&mut Pair)) -> Comparability {
    let (quality, facts, calibration) = (quality(), CaptureFacts::default(), calibration());
    let mut pair = Pair {
        reference: (&quality, &facts),
        moving: (&quality, &facts),
        scale_ratio: 1.02,
        stretch: 1.01,
        blur: Some(SAME_FOCUS),
        relief: Some(SAME_LIGHT),
        calibration: &calibration,
    };
    spoil(&mut pair);
    compare(&pair)
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
    let flash = CaptureFacts { flash_fired: Some(true), ..CaptureFacts::default() };
    let none = CaptureFacts { flash_fired: Some(false), ..CaptureFacts::default() };
    let quality = quality();
    let verdict = judged(|pair| {
        pair.reference = (Box::leak(Box::new(quality.clone())), Box::leak(Box::new(none)));
        pair.moving = (Box::leak(Box::new(quality.clone())), Box::leak(Box::new(flash)));
    });
    assert_eq!(codes(&verdict, Family::Relief), ["flash_differs"]);
    assert_eq!(verdict.status(), Comparable::Partly);
}

#[test]
fn light_from_elsewhere_forbids_relief_and_not_colour() {
    let verdict = judged(|pair| pair.relief = Some(ReliefAgreement { correlation: 0.1, blocks: 40 }));
    assert_eq!(codes(&verdict, Family::Relief), ["light_differs"]);
    assert!(verdict.allows(Family::Colour));
    assert_eq!(codes(&judged(|pair| pair.relief = None), Family::Relief), ["light_unknown"]);
}

#[test]
fn every_cause_names_itself() {
    let blur = RelativeBlur { sigma_mm: -0.09, sigma_px: -1.2, ..SAME_FOCUS };
    let hard = RelativeBlur { contrast: 2.1, ..SAME_FOCUS };
    assert_eq!(codes(&judged(|pair| pair.blur = Some(blur)), Family::Relief), ["blur_differs"]);
    assert_eq!(codes(&judged(|pair| pair.blur = Some(hard)), Family::Relief), ["light_hardness_differs"]);
    assert_eq!(codes(&judged(|pair| pair.scale_ratio = 1.3), Family::Relief), ["scale_differs"]);
    assert_eq!(codes(&judged(|pair| pair.stretch = 1.4), Family::Relief), ["tilt_differs"]);
    let message = judged(|pair| pair.blur = Some(blur)).reasons[0].warning.message.clone();
    assert!(message.contains("baseline photo is more blurred"), "{message}");
}

#[test]
fn colour_needs_a_calibration_that_fits() {
    let none = Calibration::none();
    let poor = Calibration { delta_e_2000: Some(4.5), ..calibration() };
    let slanted = ShadingField::new([0.6, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]);
    let moved = Calibration { field: Some(slanted), ..calibration() };
    let verdict = |calibration: &Calibration| {
        let calibration: &'static Calibration = Box::leak(Box::new(calibration.clone()));
        judged(|pair| pair.calibration = calibration)
    };
    assert_eq!(codes(&verdict(&none), Family::Colour), ["not_calibrated"]);
    assert_eq!(codes(&verdict(&poor), Family::Colour), ["colour_not_matched"]);
    assert_eq!(codes(&verdict(&moved), Family::Relief), ["light_position_differs"]);
    assert!(verdict(&moved).allows(Family::Colour));
}

#[test]
fn an_unusable_photo_compares_nothing() {
    let bad: &'static Quality = Box::leak(Box::new(Quality { usable: false, ..quality() }));
    let verdict = judged(|pair| pair.moving.0 = bad);
    assert_eq!(verdict.status(), Comparable::No);
    assert!(verdict.reason(Family::Colour).expect("a reason").message.contains("follow-up"));
}
