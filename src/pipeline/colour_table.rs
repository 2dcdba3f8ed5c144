//! How right colours are, on skin whose truth is known.

use crate::calibration::card::{self, Found};
use crate::calibration::{CalibratedPhoto, Calibration, CardOptions, skin_light};
use crate::color::{Lab, Rgb, Unmixing, delta_e_2000};
use crate::phantom::{
    CardPlan, LightPlan, PatientPlan, SessionPlan, SkinColor, SkinPlan, Tissue, render_view,
};
use crate::photo::Photo;
use crate::pipeline::records::limit;
use crate::raster::Mask;
use crate::session::Confidence;

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourRow {
    /// What was measured, on which skin.
    pub what: String,
    /// What was seen; of several skins the worst.
    pub seen: f64,
    /// What is to be reached.
    pub goal: f64,
    /// Whether more is better.
    pub more: bool,
    /// Where low confidence will do in place of the goal: whether a report
    /// gives it to the reading on all of these skins.
    pub low: Option<bool>,
}

impl ColourRow {
    /// Whether the goal was reached, or low confidence stands in for it.
    pub fn reached(&self) -> bool {
        let within = if self.more { self.seen >= self.goal } else { self.seen <= self.goal };
        within || self.low == Some(true)
    }
}

/// Tissues that the rows of the unmixing were not fitted to, one by one.
const TISSUES: [Tissue; 4] = [
    Tissue { melanin_exponent: 3.1, epidermis_um: 80.0, oxygenation: 0.75 },
    Tissue { melanin_exponent: 3.6, epidermis_um: 60.0, oxygenation: 0.75 },
    Tissue { melanin_exponent: 3.3, epidermis_um: 100.0, oxygenation: 0.65 },
    Tissue { melanin_exponent: 3.0, epidermis_um: 100.0, oxygenation: 0.85 },
];

/// Light that the surface sends back without its entering, a share of white.
const SURFACE: f64 = 0.02;

/// Usual blood fraction.
const BLOOD: f64 = 0.006;

/// Name, melanosome fraction and goals of a tone: R² of hemoglobin and of
/// melanin, leak of melanin into hemoglobin and of blood into melanin.
const TONES: [(&str, f64, [f64; 4]); 3] = [
    ("light", 0.03, [0.97, 0.97, 0.10, 0.10]),
    ("medium", 0.09, [0.97, 0.97, 0.20, 0.15]),
    ("dark", 0.22, [0.95, 0.97, 0.50, 0.25]),
];

/// How the indices of melanin and blood follow melanin and blood, by skin tone.
///
/// Each reading is that of skin photographed by itself. A leak is what a
/// doubling of one (melanin from 0.7 to 1.4 of the tone) moves the index of the
/// other by, as a share of what a doubling of that does. Into the hemoglobin of
/// dark skin it may be more, if the report says that its confidence is low.
pub fn unmixing_table() -> Vec<ColourRow> {
    let mut rows = Vec::new();
    for (name, tone, goals) in TONES {
        let all: Vec<[f64; 4]> =
            TISSUES.iter().map(|tissue| figures(&SkinColor::new(*tissue), tone)).collect();
        let texts = [
            "R² of the hemoglobin index",
            "R² of the melanin index",
            "leak of melanin into hemoglobin",
            "leak of blood into melanin",
        ];
        for (figure, (text, goal)) in texts.into_iter().zip(goals).enumerate() {
            let values = all.iter().map(|figures| figures[figure]);
            let more = figure < 2;
            let seen = if more { values.fold(f64::MAX, f64::min) } else { values.fold(0.0, f64::max) };
            let low = (figure == 2 && name == "dark").then(|| hemoglobin_is_low(tone));
            rows.push(ColourRow { what: format!("{text}, {name} skin"), seen, goal, more, low });
        }
    }
    rows
}

/// Density of skin whose surface reflects [`SURFACE`], red, green, blue.
fn density(color: &SkinColor, melanin: f64, blood: f64) -> Rgb {
    color.linear(melanin, blood).map(|light| -((light + SURFACE).ln()) as f32)
}

/// Whether a report calls the hemoglobin index of all tissues of a tone one of low confidence.
fn hemoglobin_is_low(tone: f64) -> bool {
    TISSUES.iter().all(|tissue| {
        let skin = Unmixing::of_skin(density(&SkinColor::new(*tissue), tone, BLOOD));
        limit("redness.hemoglobin_index", skin.ita_deg()) == Confidence::Low
    })
}

fn figures(color: &SkinColor, tone: f64) -> [f64; 4] {
    let read = |melanin: f64, blood: f64| -> [f64; 2] {
        let density = density(color, melanin, blood);
        let [melanin, hemoglobin, _] = Unmixing::of_skin(density).of(density);
        [melanin.into(), hemoglobin.into()]
    };
    let bloods: Vec<f64> = (0..9).map(|i| 0.006 + 0.003 * f64::from(i)).collect();
    let melanins: Vec<f64> = (0..8).map(|i| tone * (0.7 + 0.1 * f64::from(i))).collect();
    let hemoglobin: Vec<f64> = bloods.iter().map(|&blood| read(tone, blood)[1]).collect();
    let melanin: Vec<f64> = melanins.iter().map(|&melanin| read(melanin, BLOOD)[0]).collect();
    let (less, more) = (read(0.7 * tone, BLOOD), read(1.4 * tone, BLOOD));
    let (plain, bloody) = (read(tone, BLOOD), read(tone, 2.0 * BLOOD));
    [
        r_squared(&bloods, &hemoglobin),
        r_squared(&melanins, &melanin),
        ((more[1] - less[1]) / (bloody[1] - plain[1])).abs(),
        ((bloody[0] - plain[0]) / (more[0] - less[0])).abs(),
    ]
}

fn r_squared(xs: &[f64], ys: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(xs), mean(ys));
    let sum = |of: &dyn Fn(f64, f64) -> f64| xs.iter().zip(ys).map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
    sum(&|x, y| x * y).powi(2) / (sum(&|x, _| x * x) * sum(&|_, y| y * y))
}

/// Colour of skin after the correction by a card in the photo, against the
/// same skin under even white light: median and 95th percentile of ΔE2000
/// over cells of all `photos` photos.
///
/// Exposure lies within ±25 %, each channel's balance within ±10 %, and the
/// light changes by 15 % over the photo.
///
/// # Errors
///
/// Those of [`render_view`].
pub fn card_table(photos: usize) -> crate::error::Result<Vec<ColourRow>> {
    let mut differences = Vec::new();
    for photo in 0..photos {
        differences.extend(card_photo(photo)?);
    }
    differences.sort_by(f64::total_cmp);
    let share = |share: f64| {
        let index = (share * differences.len() as f64) as usize;
        differences.get(index.min(differences.len().saturating_sub(1))).copied().unwrap_or(f64::INFINITY)
    };
    let row = |what: &str, seen: f64, goal: f64| ColourRow {
        what: what.into(),
        seen,
        goal,
        more: false,
        low: None,
    };
    Ok(vec![
        row("ΔE2000 of skin corrected by a card, median", share(0.5), 1.0),
        row("ΔE2000 of skin corrected by a card, 95th percentile", share(0.95), 2.0),
    ])
}

/// Pixels of a cell that colours are compared over: several times the noise's reach.
const FACTOR: usize = 8;

/// The differences over one photo; infinite if its card was not found.
fn card_photo(number: usize) -> crate::error::Result<Vec<f64>> {
    // Numbers that fill their ranges evenly, whatever their count (golden ratio and its powers).
    let even = |power: i32| ((number as f64 + 0.5) * 0.618_034f64.powi(power)).fract();
    let tone = [0.01, 0.03, 0.09, 0.2][number % 4];
    let card = CardPlan {
        centre: [0.3 + 0.4 * even(1), 0.3 + 0.4 * even(2)],
        rotation_deg: 360.0 * even(3),
        ..CardPlan::default()
    };
    let light = LightPlan {
        exposure: 0.75 + 0.5 * even(4),
        white_balance: [0.9 + 0.2 * even(5), 0.9 + 0.2 * even(6)],
        gradient: 0.075,
        azimuth_deg: 360.0 * even(7),
        ..LightPlan::default()
    };
    let even_light = LightPlan { exposure: 1.0, white_balance: [1.0; 2], gradient: 0.0, ..light.clone() };
    let taken = SessionPlan { light, card: Some(card), ..SessionPlan::default() };
    let truth = SessionPlan { light: even_light, card: None, ..taken.clone() };
    let plan = PatientPlan {
        sessions: vec![taken, truth],
        tone,
        seed: number as u64,
        skin: SkinPlan { mottling: 0.06, ..SkinPlan::bare() },
        ..PatientPlan::default()
    };
    let [taken, truth] = [0, 1].map(|session| render_view(&plan, 0, session));
    let photo = Photo::from_rgb8("card", taken?.image);
    let Found::Card(card) = card::search(&card::seen(&photo), &CardOptions::default()) else {
        return Ok(vec![f64::INFINITY]);
    };
    let (width, height) = (photo.width(), photo.height());
    let mut skin = Mask::from_elem((height / FACTOR, width / FACTOR), true);
    card.cut_out(&mut skin, FACTOR);
    let planes = photo.linear(FACTOR);
    let place = |x: usize, y: usize| {
        [(x as f64 + 0.5) / (width / FACTOR) as f64, (y as f64 + 0.5) / (height / FACTOR) as f64]
    };
    let cells: Vec<_> = skin
        .indexed_iter()
        .filter(|(_, inside)| **inside)
        .map(|((y, x), _)| (place(x, y), planes.each_ref().map(|plane| plane[[y, x]])))
        .collect();
    let calibration = Calibration::from_card(&card, skin_light(&cells), width, height);
    let corrected = CalibratedPhoto::new(photo, calibration, None).linear(FACTOR);
    let truth = Photo::from_rgb8("truth", truth?.image).linear(FACTOR);
    let lab = |planes: &[crate::raster::Plane; 3], at: (usize, usize)| {
        Lab::from_linear(planes.each_ref().map(|plane| plane[at]))
    };
    let inside = skin.indexed_iter().filter(|(_, inside)| **inside);
    Ok(inside.map(|(at, _)| delta_e_2000(lab(&corrected, at), lab(&truth, at))).collect())
}
