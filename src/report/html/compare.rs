//! The pictures of a view, side by side and under a divider.

use crate::report::html::concern::{verdict_name, when};
use crate::report::html::language::Words;
use crate::report::html::number::{self, Markup, text};
use crate::report::html::policy::data_uri;
use crate::report::html::trust::{self, Said};
use crate::report::pictures::{CROP_SIDE, CROPS_ABREAST, Chromophore, Layer, Pictures};
use crate::series::{Lesion, LesionStatus, View};
use crate::session::Session;

/// The pictures of a view.
#[derive(Debug)]
pub struct Compare {
    /// Width of the baseline's frame, pixels of the screen.
    pub width: usize,
    /// Its height.
    pub height: usize,
    /// `portrait`, `square` or `landscape`.
    pub shape: &'static str,
    /// The sheets, baseline first.
    pub sheets: Vec<Sheet>,
    /// The layers that any session has something on.
    pub layers: Vec<LayerChoice>,
    /// The maps there are.
    pub maps: Vec<MapChoice>,
    /// Regions drawn on the baseline, without the shared skin.
    pub regions: Vec<(String, String)>,
    /// The outline of the shared skin.
    pub shared: String,
    /// The lesions that have crops.
    pub lesions: Vec<LesionCard>,
    /// Sheets of crops: index of the session, address.
    pub crops: Vec<(usize, String)>,
    /// Width of a sheet of crops.
    pub crops_width: usize,
    /// Its height.
    pub crops_height: usize,
    /// Side of a crop.
    pub crop: usize,
}

/// One session's photo with what lies over it.
#[derive(Debug)]
pub struct Sheet {
    /// Its place among the sessions of the view.
    pub index: usize,
    /// When it was taken.
    pub title: String,
    /// How it takes part.
    pub status: &'static str,
    /// That in words.
    pub status_words: String,
    /// Whether it is the baseline.
    pub baseline: bool,
    /// Whether it lies on the baseline.
    pub laid: bool,
    /// Whether it is the follow-up shown first.
    pub chosen: bool,
    /// Width of the picture.
    pub width: usize,
    /// Height of the picture.
    pub height: usize,
    /// The picture.
    pub source: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Outlines, by layer.
    pub layers: Vec<(&'static str, String)>,
    /// Maps, by name.
    pub maps: Vec<(&'static str, String)>,
    /// How well it lies on the baseline.
    pub residual: Option<Markup>,
    /// Why it cannot be compared, and what to do.
    pub reasons: Vec<Said>,
}

/// A layer to be switched on and off.
#[derive(Debug)]
pub struct LayerChoice {
    /// Its name in the page.
    pub name: &'static str,
    /// Its name in words.
    pub title: String,
}

/// A map to be switched on and off, with its colour bar.
#[derive(Debug)]
pub struct MapChoice {
    /// Its name in the page.
    pub name: &'static str,
    /// Its name in words.
    pub title: String,
    /// Colours along the bar, `#rrggbb`.
    pub colours: Vec<String>,
    /// Where on the bar (percent) the mean of the baseline lies.
    pub mean_at: f64,
}

/// A lesion through time.
#[derive(Debug)]
pub struct LesionCard {
    /// Its id in the report.
    pub id: String,
    /// Its name in words.
    pub title: String,
    /// Its verdict's name in the page.
    pub verdict: &'static str,
    /// The change of its dose.
    pub dose: Option<Markup>,
    /// A sentence about the change.
    pub sentence: Markup,
    /// Its place on the screen.
    pub at: [f64; 2],
    /// Radius of its mark on the screen.
    pub radius: f64,
    /// Where its crop lies in a sheet of crops.
    pub crop: [usize; 2],
    /// Session by session.
    pub track: Vec<LesionRow>,
}

/// A lesion in one session.
#[derive(Debug)]
pub struct LesionRow {
    /// The session's index.
    pub index: usize,
    /// When it was.
    pub title: String,
    /// Whether there is a crop of it.
    pub crop: bool,
    /// What became of it, in words.
    pub status: String,
    /// Its area.
    pub area: Markup,
    /// Its contrast.
    pub contrast: Markup,
    /// Its dose.
    pub dose: Markup,
    /// Standard error of its dose.
    pub error: Markup,
}

/// The pictures of `view`.
pub fn compare(view: &View, pictures: &Pictures, words: &Words) -> Compare {
    let mut sheets: Vec<Sheet> = view
        .sessions
        .iter()
        .enumerate()
        .filter_map(|(index, session)| sheet(index, session, view, pictures, words))
        .collect();
    sheets.sort_by_key(|sheet| (!sheet.baseline, sheet.index));
    // The last that lies on the baseline, or else the last.
    let later = |sheet: &&mut Sheet| !sheet.baseline;
    let last = sheets.iter().rposition(|sheet| !sheet.baseline && sheet.laid);
    match last {
        Some(last) => sheets[last].chosen = true,
        None => sheets.iter_mut().rev().filter(later).take(1).for_each(|sheet| sheet.chosen = true),
    }
    let present = |layer: &Layer| {
        sheets
            .iter()
            .flat_map(|sheet| &sheet.layers)
            .any(|(name, path)| *name == layer.name() && !path.is_empty())
    };
    let rows = pictures.lesions.len().div_ceil(CROPS_ABREAST);
    let crops = pictures
        .sessions
        .iter()
        .enumerate()
        .filter_map(|(index, session)| Some((index, data_uri("image/jpeg", session.crops.as_ref()?))));
    let (shared, drawn): (Vec<_>, Vec<_>) =
        pictures.regions.iter().cloned().partition(|(name, _)| name == crate::region::SKIN);
    Compare {
        width: pictures.width,
        height: pictures.height,
        shape: match pictures.width as f64 / pictures.height as f64 {
            ..0.8 => "portrait",
            0.8..1.25 => "square",
            _ => "landscape",
        },
        layers: Layer::ALL
            .iter()
            .filter(|layer| present(layer))
            .map(|layer| LayerChoice { name: layer.name(), title: words.name("layer", layer.name()) })
            .collect(),
        maps: [Chromophore::Melanin, Chromophore::Hemoglobin].map(|which| map_choice(which, words)).into(),
        regions: drawn,
        shared: shared.into_iter().map(|(_, path)| path).collect(),
        lesions: lesions(view, pictures, words),
        crops: crops.collect(),
        crops_width: CROPS_ABREAST * CROP_SIDE,
        crops_height: rows * CROP_SIDE,
        crop: CROP_SIDE,
        sheets,
    }
}

fn sheet(index: usize, session: &Session, view: &View, pictures: &Pictures, words: &Words) -> Option<Sheet> {
    let drawn = pictures.sessions.iter().find(|drawn| drawn.session == session.session)?;
    let (status, title) = (trust::status(session), when(session, words));
    let fill = |value: f64| {
        number::sentence(words.say("compare.residual"), &[("value", number::number(value, words))])
    };
    let alt = words
        .say(if drawn.laid { "compare.alt" } else { "compare.alt_as_taken" })
        .replace("{view}", &words.name("view", &view.view))
        .replace("{date}", &title);
    Some(Sheet {
        index,
        status,
        status_words: words.say(&format!("status.{status}")).to_owned(),
        baseline: session.session == view.baseline,
        laid: drawn.laid,
        chosen: false,
        width: drawn.width,
        height: drawn.height,
        source: data_uri("image/jpeg", &drawn.photo),
        alt,
        title,
        layers: drawn.layers.iter().map(|(layer, path)| (layer.name(), path.clone())).collect(),
        maps: drawn.maps.iter().map(|(which, map)| (which.name(), data_uri("image/png", map))).collect(),
        residual: session
            .alignment
            .residual_px
            .filter(|_| drawn.laid && session.session != view.baseline)
            .map(fill),
        reasons: session.comparable.reasons.iter().map(|reason| trust::said(reason, words)).collect(),
    })
}

fn map_choice(which: Chromophore, words: &Words) -> MapChoice {
    let colour = |step: u32| {
        let [r, g, b] = which.colour(f64::from(step) / 24.0);
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    let [below, above] = which.reach();
    MapChoice {
        name: which.name(),
        title: words.name("map", which.name()),
        colours: (0..=24).map(colour).collect(),
        mean_at: (1000.0 * below / (below + above)).round() / 10.0,
    }
}

fn lesions(view: &View, pictures: &Pictures, words: &Words) -> Vec<LesionCard> {
    let chosen = pictures.lesions.iter().enumerate();
    chosen
        .filter_map(|(place, id)| {
            let lesion = view.lesions.iter().find(|lesion| lesion.id == *id)?;
            Some(card(place, lesion, view, pictures, words))
        })
        .collect()
}

/// A lesion's name in words: its kind, and its number in the report.
pub fn lesion_title(lesion: &Lesion, words: &Words) -> String {
    let number = lesion.id.rsplit('-').next().unwrap_or_default();
    format!("{} {number}", words.name("lesion", lesion.kind.name()))
}

fn card(place: usize, lesion: &Lesion, view: &View, pictures: &Pictures, words: &Words) -> LesionCard {
    let area = lesion.track.iter().filter_map(|seen| seen.area_px).fold(0.0, f64::max);
    let radius = (area / std::f64::consts::PI).sqrt() / pictures.factor as f64;
    let at = [lesion.x_px, lesion.y_px].map(|at| round((at + 0.5) / pictures.factor as f64));
    let crop = [place % CROPS_ABREAST, place / CROPS_ABREAST].map(|cell| cell * CROP_SIDE);
    LesionCard {
        id: lesion.id.clone(),
        title: lesion_title(lesion, words),
        verdict: verdict_name(lesion.change.verdict),
        dose: lesion.change.dose_percent.map(|percent| number::percent(percent, words)),
        sentence: change_sentence(lesion, words),
        at,
        radius: round((1.3 * radius).max(9.0)),
        crop,
        track: rows(lesion, view, pictures, words),
    }
}

/// How a lesion changed, in a sentence.
fn change_sentence(lesion: &Lesion, words: &Words) -> Markup {
    let change = &lesion.change;
    if let Some(reason) = &change.reason {
        return text(&trust::reason(reason, words));
    }
    let percent =
        |value: Option<f64>| value.map_or_else(|| "–".into(), |value| number::percent(value, words));
    let Some([low, high]) = change.ci95 else { return Markup::new() };
    number::sentence(
        words.say("lesions.change"),
        &[
            ("dose", percent(change.dose_percent)),
            ("low", number::percent(low, words)),
            ("high", number::percent(high, words)),
            ("area", percent(change.area_percent)),
            ("contrast", percent(change.contrast_percent)),
        ],
    )
}

/// A lesion session by session, in the order of time.
pub fn rows(lesion: &Lesion, view: &View, pictures: &Pictures, words: &Words) -> Vec<LesionRow> {
    let value = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| number::number(value, words));
    view.sessions
        .iter()
        .enumerate()
        .filter_map(|(index, session)| {
            let seen = lesion.track.iter().find(|seen| seen.session == session.session)?;
            let drawn = pictures.sessions.iter().find(|drawn| drawn.session == session.session);
            Some(LesionRow {
                index,
                title: when(session, words),
                crop: drawn.is_some_and(|drawn| drawn.crops.is_some()),
                status: words.name("seen", status_name(seen.status)),
                area: value(seen.area_mm2.or(seen.area_px)),
                contrast: value(seen.contrast),
                dose: value(seen.dose),
                error: value(seen.dose_standard_error),
            })
        })
        .collect()
}

fn status_name(status: LesionStatus) -> &'static str {
    match status {
        LesionStatus::Present => "present",
        LesionStatus::New => "new",
        LesionStatus::Resolved => "resolved",
        LesionStatus::NotVisible => "not_visible",
        LesionStatus::Merged => "merged",
        LesionStatus::Split => "split",
    }
}

fn round(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}
