//! Every limit that quality is judged by, in one place.
//!
//! `docs/photographs.md` lists them with their sources and with what a
//! photographer does about each; a test holds the two together.

/// Least share of a photo that must be skin.
pub const LEAST_SKIN: f64 = 0.02;

/// Clipped share of the skin from which a photo is warned of, and from which it is not used.
pub const CLIPPED_WARN: f64 = 0.01;
/// See [`CLIPPED_WARN`].
pub const CLIPPED_UNUSABLE: f64 = 0.2;

/// Clipped or black share of the *valid* skin that forbids colour.
pub const CLIPPED_LEFT: f64 = 0.05;

/// Share of glare that is warned of; glare fractions of a pair may differ by as much.
pub const GLARE: f64 = 0.05;

/// Median linear green of skin below which even dark skin is underexposed:
/// eight-bit steps there are 2 % of the light.
pub const UNDEREXPOSED: f64 = 0.02;

/// Distance of the skin's log chromaticity from that of modelled skin of any tone.
pub const CAST: f64 = 0.4;

/// Full width at half maximum of the blur, mm, from which pores, wrinkles,
/// and even colour areas are no longer resolved.
pub const BLURRED_MM: [f64; 3] = [0.2, 0.4, 1.0];

/// Blur (standard deviation) as a share of the photo's longer side from which
/// a photo without scale is out of focus; at least [`BLURRED_PX`].
pub const BLURRED_SHARE: f64 = 0.002;
/// See [`BLURRED_SHARE`], pixels.
pub const BLURRED_PX: f64 = 2.0;

/// Pixels per millimetre below which pores are not resolved: two pixels per
/// 0.2 mm, the widest blur that shows them.
pub const RESOLUTION: f64 = 10.0;

/// JPEG quality below which compression changes fine texture.
pub const JPEG_WARN: u8 = 80;

/// JPEG quality below which a colour that is kept only in blocks of 16 pixels
/// shows as patches of redness, if the other photo was compressed less.
pub const JPEG_LEAST: u8 = 65;

/// Difference in JPEG quality that is warned of.
pub const JPEG_DIFFERENCE: u8 = 10;

/// Digital zoom that is warned of.
pub const ZOOM: f64 = 1.05;

/// Magnification ratio within which the same structures are resolved.
pub const SCALE_RATIO: [f64; 2] = [0.8, 1.25];

/// Relative error of that ratio as measured: half a pixel on a hundred.
pub const SCALE_ERROR: f64 = 0.005;

/// Relative blur that changes fine texture by 10 % (simulated), mm, and what
/// equalisation makes good, in pixels of the coarser photo: a photo that was
/// resampled once is blurred by 0.5 to 0.7.
pub const BLUR_MM: f64 = 0.06;
/// See [`BLUR_MM`].
pub const BLUR_PX: f64 = 0.8;

/// Contrast ratio of all fine structure that no treatment makes, and its
/// inverse: the light is harder or softer.
pub const CONTRAST: f64 = 1.6;

/// Correlation of the fine pattern below which the light came from elsewhere.
/// Chosen by us on synthetic skin: a turn of the light by 40° leaves 0.92 to
/// 0.94, one by 60° 0.85 to 0.88, by 90° or a flash 0.72 to 0.80, while scars
/// filled by a third, wrinkles and pores lessened leave 0.98.
pub const AGREEMENT: f64 = 0.88;

/// Turn of the relief's shading from which the light came from another side.
/// On synthetic skin a turn of the light by 10° gives 0.08 to 0.11, by 20°
/// 0.17 to 0.21, by 30° 0.25 to 0.32; the same light 0.01, skin treated in the
/// same light 0.02.
pub const TURN: f64 = 0.13;

/// Range of the log field between the photos from which the lamp stood elsewhere.
pub const FIELD: f64 = 0.35;

/// Stretch that is warned of (about 22° of tilt), and that forbids relief (about 37°).
pub const STRETCH_WARN: f64 = 1.08;
/// See [`STRETCH_WARN`].
pub const STRETCH: f64 = 1.25;

/// Colour difference left on unchanged skin that forbids colour: the least
/// that half of the observers see on facial skin.
pub const DELTA_E: f64 = 1.5;

/// Ratio of the largest to the smallest gain that forbids colour: a camera
/// that met light this different rendered contrast and saturation otherwise
/// too, which no gain undoes. Chosen by us: three channels that each err by
/// 12 % reach 1.27; re-takes of unchanged lesions in warm and in cold light
/// reach 2 and lose half of their contrast.
pub const WHITE_BALANCE: f64 = 1.3;

/// The same where even the contrast of relief is rendered otherwise.
pub const WHITE_BALANCE_RELIEF: f64 = 1.6;

/// Gain between the sessions that is warned of: half a stop.
pub const GAIN: f64 = 1.41;

/// Ratio of noise that is warned of.
pub const NOISE: f64 = 2.0;

/// Ratio of focal lengths that is warned of: another lens, another perspective.
pub const LENS: f64 = 1.1;

/// What a smoothing filter leaves of faint texture, relative to strong edges
/// and to the root of what the light leaves of all relief,
/// and the share of the noise that is left: below both, a photo was filtered.
/// Chosen by us on close-ups re-taken by a virtual camera: JPEG 75 to 95,
/// blur of up to 1.3 pixels and doubled noise leave 0.88 and more; bilateral,
/// guided and frequency-separating filters 0.3 to 0.85.
pub const FAINT_TEXTURE: f64 = 0.85;
/// See [`FAINT_TEXTURE`].
pub const NOISE_LEFT: f64 = 0.92;

/// Turn of the relief's shading from which another light, and no filter,
/// explains faint texture that is gone: twice [`TURN`].
pub const FILTER_TURN: f64 = 2.0 * TURN;

/// Ratio of the colour contrast of ordinary skin, pigment and blood alike,
/// below which a layer covers the skin. Chosen by us: re-takes in ordinary
/// other light leave 0.86 to 1.1; spots that fade by half 0.84; what a layer
/// leaves, see [`SKIN_CONTRAST_LIKELY`].
pub const SKIN_CONTRAST: f64 = 0.72;

/// The same of pigment and of blood alone: what only one of them lost, no layer took.
pub const SKIN_CONTRAST_EACH: f64 = 0.9;

/// Ratio of the contrast of ordinary skin, of pigment and blood together, each
/// weighted by how surely it is known, below which a layer is likely if lesions
/// paled too. Chosen by us: on drawn skin of eighteen looks and many tones it is
/// 0.75 to 0.99 of the same skin, 0.67 to 0.97 where spots and redness both
/// fade by half, 0.61 to 0.82 under a layer of 30 % and 0.41 to 0.76 under one of 45 %.
pub const SKIN_CONTRAST_LIKELY: f64 = 0.77;
/// The same of each alone: healing leaves one of them above.
pub const SKIN_CONTRAST_LIKELY_EACH: f64 = 0.82;

/// The same of half of the frame, where fewer places tell. Chosen by us: the
/// least of the four halves is 0.74 to 0.98 of the same skin, 0.39 to 0.66 where
/// a layer of 60 % lies on 45 % of it.
pub const HALF_CONTRAST: f64 = 0.7;
/// The same of each alone.
pub const HALF_CONTRAST_EACH: f64 = 0.8;

/// Ratio of the contrast of lesions, of pigment and of blood each, below which
/// they paled. Chosen by us: under a layer of 30 % the greater of the two is
/// 0.6 to 0.96, of the same skin 0.9 to 1.2, and so is one where only spots or only redness fade.
pub const LESION_CONTRAST: f64 = 0.9;

/// The limits behind each warning and reason, by code.
pub const TABLE: &[(&str, &[f64])] = &[
    ("no_skin", &[LEAST_SKIN]),
    ("clipped", &[CLIPPED_WARN, CLIPPED_LEFT]),
    ("overexposed", &[CLIPPED_UNUSABLE]),
    ("underexposed", &[UNDEREXPOSED]),
    ("glare", &[GLARE]),
    ("colour_cast", &[CAST]),
    ("blurred", &[BLURRED_MM[0], BLURRED_MM[1], BLURRED_SHARE, BLURRED_PX]),
    ("blurred_beyond_use", &[BLURRED_MM[2]]),
    ("low_resolution", &[RESOLUTION]),
    ("strong_compression", &[JPEG_WARN as f64]),
    ("digital_zoom", &[ZOOM]),
    ("scale_differs", &SCALE_RATIO),
    ("blur_differs", &[BLUR_MM, BLUR_PX]),
    ("light_hardness_differs", &[CONTRAST]),
    ("light_differs", &[AGREEMENT]),
    ("light_turned", &[TURN]),
    ("light_position_differs", &[FIELD]),
    ("tilted", &[STRETCH_WARN]),
    ("tilt_differs", &[STRETCH]),
    ("glare_differs", &[GLARE]),
    ("colour_not_matched", &[DELTA_E]),
    ("white_balance_differs", &[WHITE_BALANCE, WHITE_BALANCE_RELIEF]),
    ("exposure_differs", &[GAIN]),
    ("noise_differs", &[NOISE]),
    ("lens_differs", &[LENS]),
    ("compression_differs", &[JPEG_DIFFERENCE as f64]),
    ("compression_too_strong", &[JPEG_LEAST as f64]),
    ("smoothed", &[FAINT_TEXTURE, NOISE_LEFT, FILTER_TURN]),
    (
        "skin_covered",
        &[
            SKIN_CONTRAST,
            SKIN_CONTRAST_EACH,
            SKIN_CONTRAST_LIKELY,
            SKIN_CONTRAST_LIKELY_EACH,
            HALF_CONTRAST,
            HALF_CONTRAST_EACH,
            LESION_CONTRAST,
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits that the page for photographers gives, by code.
    fn documented() -> Vec<(String, Vec<f64>)> {
        let page = include_str!("../../docs/photographs.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let mut cells = row.split('|');
            let code = cells.next().expect("a first cell").trim().trim_end_matches('`').to_owned();
            let numbers = cells.next().expect("a limit").split(',').map(str::trim).filter(|n| !n.is_empty());
            (code, numbers.map(|number| number.parse().expect("a number")).collect())
        })
        .collect()
    }

    #[test]
    fn the_page_for_photographers_gives_these_limits() {
        let documented = documented();
        for (code, limits) in TABLE {
            let told = &documented.iter().find(|row| row.0 == *code).unwrap_or_else(|| panic!("{code}")).1;
            let alike = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
            assert!(told.len() == limits.len() && told.iter().zip(*limits).all(alike), "{code}: {told:?}");
        }
        let known = |code: &str| TABLE.iter().any(|row| row.0 == code);
        assert!(documented.iter().all(|(code, limits)| limits.is_empty() || known(code)));
    }
}
