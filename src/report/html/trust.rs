//! How far a view can be trusted: quality and comparability in words.

use crate::error::Warning;
use crate::report::html::concern::when;
use crate::report::html::language::{Language, Words};
use crate::report::html::number::{self, Markup, text};
use crate::series::View;
use crate::session::{AlignmentStatus, CalibrationMethod, ComparableStatus, Session};
use crate::units::ScaleSource;

/// What is said of one session.
#[derive(Debug)]
pub struct Trusted {
    /// When it was, or its name.
    pub title: String,
    /// `yes`, `partly`, `no`, `rejected` or `baseline`.
    pub status: &'static str,
    /// That in words.
    pub status_words: String,
    /// Sentences about the photo.
    pub facts: Vec<Markup>,
    /// Why it cannot be compared, and what to do.
    pub reasons: Vec<Said>,
    /// What makes it less reliable.
    pub warnings: Vec<Said>,
}

/// Something said by the report, in the page's language where there are words for it.
#[derive(Debug)]
pub struct Said {
    /// The words.
    pub text: String,
    /// Their language where it is not the page's.
    pub lang: Option<&'static str>,
}

/// Why something is absent, in words.
pub fn reason(code: &str, words: &Words) -> String {
    words.name("code", code)
}

/// A warning in the page's language: in English as the report says it, which
/// names the numbers; elsewhere what the code means.
pub fn said(warning: &Warning, words: &Words) -> Said {
    let english = words.code() == Language::English.code();
    match words.find(&format!("code.{}", warning.code)) {
        Some(text) if !english => Said { text: text.to_owned(), lang: None },
        _ => {
            let lang = (!english).then(|| Language::English.code());
            Said { text: sentence_case(&warning.message), lang }
        }
    }
}

fn sentence_case(message: &str) -> String {
    let mut rest = message.chars();
    let first: String = rest.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}", rest.as_str())
}

/// What is said of every session of a view.
pub fn sessions(view: &View, words: &Words) -> Vec<Trusted> {
    view.sessions.iter().map(|session| trusted(session, words)).collect()
}

fn trusted(session: &Session, words: &Words) -> Trusted {
    let status = status(session);
    let reasons: Vec<Said> = session.comparable.reasons.iter().map(|reason| said(reason, words)).collect();
    let told =
        |warning: &&Warning| session.comparable.reasons.iter().all(|reason| reason.code != warning.code);
    Trusted {
        title: when(session, words),
        status,
        status_words: words.say(&format!("status.{status}")).to_owned(),
        facts: facts(session, words),
        reasons,
        warnings: session.quality.warnings.iter().filter(told).map(|warning| said(warning, words)).collect(),
    }
}

/// How a session takes part.
pub fn status(session: &Session) -> &'static str {
    match (session.alignment.status, session.comparable.status) {
        (AlignmentStatus::Rejected, _) => "rejected",
        (AlignmentStatus::Baseline, _) => "baseline",
        (_, ComparableStatus::Yes) => "yes",
        (_, ComparableStatus::Partly) => "partly",
        (_, ComparableStatus::No) => "no",
    }
}

fn facts(session: &Session, words: &Words) -> Vec<Markup> {
    let fill =
        |key: &str, value: f64| number::sentence(words.say(key), &[("value", number::number(value, words))]);
    let quality = &session.quality;
    let mut facts = Vec::new();
    facts.extend(quality.sharpness.map(|sharpness| fill("trust.sharpness", sharpness)));
    facts.push(fill("trust.clipped", quality.clipped_fraction));
    facts.push(fill("trust.glare", quality.glare_fraction));
    if session.alignment.status == AlignmentStatus::Aligned {
        facts.extend(session.alignment.residual_px.map(|residual| fill("trust.residual", residual)));
        facts.extend(session.alignment.overlap_fraction.map(|overlap| fill("trust.overlap", overlap)));
        let method = match session.calibration.method {
            CalibrationMethod::Card => "trust.by_card",
            CalibrationMethod::ReferenceSkin => "trust.by_reference_skin",
            CalibrationMethod::WhitePatch => "trust.by_white_patch",
            CalibrationMethod::None => "trust.by_nothing",
        };
        facts.push(text(words.say(method)));
        facts.extend(session.calibration.delta_e_2000.map(|left| fill("trust.delta_e", left)));
    }
    facts
}

/// Where the scale of a view comes from.
pub fn scale(view: &View, words: &Words) -> Markup {
    let source = match view.scale.source {
        ScaleSource::Option => "scale.option",
        ScaleSource::Manifest => "scale.manifest",
        ScaleSource::Card => "scale.card",
        ScaleSource::Marker => "scale.marker",
        ScaleSource::None => "scale.none",
    };
    let value = view.scale.px_per_mm.map_or_else(|| "–".into(), |scale| number::number(scale, words));
    number::sentence(words.say(source), &[("value", value)])
}
