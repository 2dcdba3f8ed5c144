//! Colours of modelled skin, for tests: a closed form fitted to a two-layer
//! Monte Carlo model (60 µm epidermis, oxygen saturation 0.75), with an error
//! in density of at most 0.008 (R), 0.01 (G) and 0.024 (B) for melanosome
//! fractions of 0.003 to 0.35 and blood fractions of 0.001 to 0.025.

use crate::color::Rgb;

/// `D = exp(Σ k[i][j] xⁱ yʲ)`, by channel, then by `i`, then by `j`.
const K: [[[f64; 4]; 5]; 3] = [
    [
        [-0.02559, 0.05707, 0.01584, 0.00174],
        [0.54857, -0.0396, -0.00761, -0.00021],
        [0.1583, 0.0001, -0.00092, -0.0002],
        [-0.00721, 0.00503, 0.00051, 0.0],
        [-0.0073, 0.00076, 0.0, 0.0],
    ],
    [
        [0.36797, 0.12349, 0.03012, 0.00006],
        [0.55175, -0.07959, -0.01237, 0.00191],
        [0.14732, 0.00418, -0.00227, -0.00051],
        [-0.00253, 0.00754, 0.00039, 0.0],
        [-0.00407, 0.00017, 0.0, 0.0],
    ],
    [
        [0.723, 0.07283, 0.01706, 0.00014],
        [0.63107, -0.06416, -0.01131, 0.00086],
        [0.14884, 0.00572, -0.00217, -0.00055],
        [-0.01221, 0.00102, 0.00023, 0.0],
        [-0.00683, -0.00206, 0.0, 0.0],
    ],
];

/// Linear sRGB of skin with a melanosome fraction and a blood fraction.
pub(crate) fn linear(melanosomes: f64, blood: f64) -> Rgb {
    let (x, y) = ((melanosomes.ln() + 3.0) / 1.5, blood.ln() + 5.5);
    K.map(|k| {
        let log: f64 = (0..20).map(|n| k[n / 4][n % 4] * x.powi(n as i32 / 4) * y.powi(n as i32 % 4)).sum();
        (-log.exp()).exp() as f32
    })
}

/// The published sanity values: sRGB 178 151 121 and 112 74 34 for 3 % and
/// 20 % melanosomes with 0.3 % blood.
#[test]
fn the_closed_form_gives_its_published_colours() {
    for (melanosomes, published) in [(0.03, [178.0, 151.0, 121.0]), (0.20, [112.0, 74.0, 34.0f32])] {
        let encoded = linear(melanosomes, 0.003).map(|value| 255.0 * crate::color::srgb_from_linear(value));
        for (value, published) in encoded.iter().zip(published) {
            assert!((value - published).abs() < 2.5, "{encoded:?}");
        }
    }
}
