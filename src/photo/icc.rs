//! Embedded colour profiles, brought to sRGB.

use moxcms::{
    CmsError, ColorProfile, DataColorSpace, Layout, RenderingIntent, Transform16BitExecutor, TransformOptions,
};
use rayon::prelude::*;
use std::sync::Arc;

use super::samples::Samples;

/// Pixels that one task converts.
const RUN: usize = 1 << 14;

/// The samples in sRGB, or `None` if the profile is sRGB itself.
///
/// The result has 16 bits whatever came in, so that nothing is lost to
/// rounding. Colours outside sRGB are clipped to it.
///
/// # Errors
///
/// Why the profile cannot be used.
pub(super) fn to_srgb(samples: &Samples, profile: &[u8]) -> Result<Option<Samples>, String> {
    let profile = ColorProfile::new_from_slice(profile).map_err(|error| error.to_string())?;
    let layout = match profile.color_space {
        DataColorSpace::Rgb => Layout::Rgb,
        DataColorSpace::Gray => Layout::Gray,
        other => return Err(format!("it describes {other:?} colours, and the photo is RGB or grey")),
    };
    let transform = transform(&profile, layout).map_err(|error| error.to_string())?;
    if is_identity(&*transform, layout).map_err(|error| error.to_string())? {
        return Ok(None);
    }
    let converted = match samples {
        Samples::U8(values) => convert(&*transform, layout, values, |value| u16::from(value) * 257),
        Samples::U16(values) => convert(&*transform, layout, values, |value| value),
    };
    converted.map(|values| Some(Samples::U16(values))).map_err(|error| error.to_string())
}

fn transform(profile: &ColorProfile, layout: Layout) -> Result<Arc<Transform16BitExecutor>, CmsError> {
    let options = TransformOptions {
        rendering_intent: RenderingIntent::RelativeColorimetric,
        prefer_fixed_point: false,
        ..TransformOptions::default()
    };
    profile.create_transform_16bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options)
}

/// Whether no colour of a coarse grid moves by more than half an 8-bit step:
/// the many makes of "sRGB" differ by less.
fn is_identity(transform: &Transform16BitExecutor, layout: Layout) -> Result<bool, CmsError> {
    let levels = || (0..=16u32).map(|step| (step * 65535 / 16) as u16);
    let probes: Vec<u16> =
        levels().flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b]))).collect();
    let probes = if layout == Layout::Gray { levels().flat_map(|grey| [grey; 3]).collect() } else { probes };
    let converted = run(transform, layout, &probes, |value| value)?;
    Ok(probes.iter().zip(converted).all(|(&before, after)| before.abs_diff(after) <= 128))
}

fn convert<T: Copy + Sync>(
    transform: &Transform16BitExecutor,
    layout: Layout,
    rgb: &[T],
    widen: impl Fn(T) -> u16 + Sync,
) -> Result<Vec<u16>, CmsError> {
    let mut converted = vec![0u16; rgb.len()];
    converted.par_chunks_mut(3 * RUN).zip(rgb.par_chunks(3 * RUN)).try_for_each(|(out, pixels)| {
        out.copy_from_slice(&run(transform, layout, pixels, &widen)?);
        Ok(())
    })?;
    Ok(converted)
}

/// Interleaved RGB through the transform; a grey transform reads the first channel.
fn run<T: Copy>(
    transform: &Transform16BitExecutor,
    layout: Layout,
    rgb: &[T],
    widen: impl Fn(T) -> u16,
) -> Result<Vec<u16>, CmsError> {
    let step = if layout == Layout::Gray { 3 } else { 1 };
    let source: Vec<u16> = rgb.iter().step_by(step).map(|&value| widen(value)).collect();
    let mut converted = vec![0u16; rgb.len()];
    transform.transform(&source, &mut converted)?;
    Ok(converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(profile: ColorProfile, rgb: [u8; 3]) -> Option<Vec<u16>> {
        let bytes = profile.encode().expect("a profile of the library's own");
        match to_srgb(&Samples::U8(rgb.to_vec()), &bytes).expect("a good profile") {
            Some(Samples::U16(values)) => Some(values),
            _ => None,
        }
    }

    #[test]
    fn srgb_itself_changes_nothing() {
        assert_eq!(converted(ColorProfile::new_srgb(), [200, 150, 130]), None);
    }

    /// Worked out with numpy in double precision from the primaries of
    /// SMPTE EG 432-1 and IEC 61966-2-1 with the white of D65, in 8-bit steps.
    const P3_LIGHT: [f64; 3] = [209.189, 147.402, 126.336];
    const P3_DARK: [f64; 3] = [95.254, 58.336, 42.106];

    #[test]
    fn display_p3_skin_becomes_more_saturated_numbers_in_srgb() {
        for (p3, srgb) in [([200, 150, 130], P3_LIGHT), ([90, 60, 45], P3_DARK)] {
            let values = converted(ColorProfile::new_display_p3(), p3).expect("not sRGB");
            for (value, expected) in values.iter().zip(srgb) {
                assert!((f64::from(*value) / 257.0 - expected).abs() < 0.1, "{values:?} {srgb:?}");
            }
        }
    }

    #[test]
    fn a_broken_profile_says_why() {
        assert!(to_srgb(&Samples::U8(vec![1, 2, 3]), b"not a profile").is_err());
    }
}
