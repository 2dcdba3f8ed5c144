//! What stands beside the verdicts of a view: how treatments were spaced, what
//! untreated skin did meanwhile, how fast redness fades, and clinical scales.

use crate::report::html::concern::{unit, verdict_name, when};
use crate::report::html::language::{Language, Words};
use crate::report::html::number::{self, Markup};
use crate::report::html::trust::{self, Said};
use crate::series::{Basis, ControlledChange, Recovery, View};

/// What is said beside the verdicts of a view.
#[derive(Debug)]
pub struct Context {
    /// Treatments so far and how long ago the last was.
    pub schedule: Option<Markup>,
    /// What of that bears on the results.
    pub notes: Vec<Said>,
    /// How fast redness fades after treatments.
    pub recoveries: Vec<Markup>,
    /// Changes beyond those of untreated skin.
    pub controlled: Vec<Controlled>,
    /// Clinical scales, item by item.
    pub items: Vec<Item>,
    /// Sub-scores that a photo carries.
    pub scores: Vec<Score>,
    /// The language of the scales' items, where it is not the page's.
    pub items_lang: Option<&'static str>,
}

/// A change beyond that of untreated skin.
#[derive(Debug)]
pub struct Controlled {
    /// The region.
    pub region: String,
    /// The metric.
    pub metric: String,
    /// The later session.
    pub session: String,
    /// The region's change minus the control's.
    pub difference: Markup,
    /// Lower end of its 95 % interval.
    pub low: Markup,
    /// Upper end.
    pub high: Markup,
    /// Minimal detectable change.
    pub mdc: Markup,
    /// The metric's unit.
    pub unit: String,
    /// The verdict's name.
    pub verdict: &'static str,
}

/// An item of a clinical scale.
#[derive(Debug)]
pub struct Item {
    /// The scale.
    pub scale: String,
    /// The item.
    pub item: String,
    /// What the photo has to do with it.
    pub basis: String,
    /// The metrics that bear on it.
    pub metrics: String,
    /// What that means, as the report says it.
    pub note: String,
}

/// A sub-score of a clinical scale.
#[derive(Debug)]
pub struct Score {
    /// The scale and its item.
    pub item: String,
    /// The region.
    pub region: String,
    /// The session.
    pub session: String,
    /// The sub-score.
    pub value: Markup,
    /// Its standard error.
    pub error: Markup,
}

/// What is said beside the verdicts of `view`.
pub fn context(view: &View, words: &Words) -> Context {
    let schedule = view.schedule.as_ref();
    let items = view.scales.items.iter().map(|item| Item {
        scale: item.scale.clone(),
        item: item.item.clone(),
        basis: words.name("basis", basis_name(item.basis)),
        metrics: item.metric_ids.iter().map(|id| words.name("metric", id)).collect::<Vec<_>>().join(", "),
        note: item.note.clone(),
    });
    let scores = view.scales.sub_scores.iter().map(|score| Score {
        item: format!("{} {}", score.scale, score.item),
        region: words.name("region", &score.region),
        session: session(view, &score.session, words),
        value: number::exact(score.value, words),
        error: score.standard_error.map_or_else(Markup::new, |error| number::exact(error, words)),
    });
    Context {
        schedule: schedule.map(|schedule| {
            let parts = [
                ("count", number::number(schedule.treatments as f64, words)),
                ("days", number::number(schedule.days_since_last as f64, words)),
            ];
            let mut said = number::sentence(words.say("context.schedule"), &parts);
            let gaps: Vec<Markup> =
                schedule.intervals_days.iter().map(|&days| number::number(days as f64, words)).collect();
            if !gaps.is_empty() {
                let gaps = [("days", gaps.join(", "))];
                said = format!("{said} {}", number::sentence(words.say("context.intervals"), &gaps));
            }
            said
        }),
        notes: schedule
            .iter()
            .flat_map(|schedule| &schedule.notes)
            .map(|note| trust::said(note, words))
            .collect(),
        recoveries: view.recoveries.iter().map(|recovery| said_of(recovery, words)).collect(),
        controlled: view.controlled.iter().filter_map(|change| controlled(view, change, words)).collect(),
        items: items.collect(),
        scores: scores.collect(),
        items_lang: (words.code() != Language::English.code()).then(|| Language::English.code()),
    }
}

fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Computed => "computed",
        Basis::Proxy => "proxy",
        Basis::NotInAPhoto => "not_in_a_photo",
    }
}

fn said_of(recovery: &Recovery, words: &Words) -> Markup {
    let [low, high] = recovery.ci95;
    let end =
        |end: Option<f64>| end.map_or_else(|| "\u{221e}".to_owned(), |days| number::number(days, words));
    let parts = [
        ("metric", number::text(&words.name("metric", &recovery.metric))),
        ("days", number::number(recovery.half_life_days, words)),
        ("low", end(low)),
        ("high", end(high)),
        ("sessions", number::number(recovery.sessions as f64, words)),
    ];
    number::sentence(words.say("context.recovery"), &parts)
}

/// A row of the table; `None` where nothing could be subtracted.
fn controlled(view: &View, found: &ControlledChange, words: &Words) -> Option<Controlled> {
    let change = &found.change;
    let [low, high] = change.ci95?;
    Some(Controlled {
        region: words.name("region", &change.region),
        metric: words.name("metric", &change.metric),
        session: session(view, &change.to, words),
        difference: number::exact(change.difference?, words),
        low: number::exact(low, words),
        high: number::exact(high, words),
        mdc: change.mdc95.map_or_else(Markup::new, |mdc| number::exact(mdc, words)),
        unit: unit(&change.metric, words),
        verdict: verdict_name(change.verdict),
    })
}

fn session(view: &View, name: &str, words: &Words) -> String {
    let found = view.sessions.iter().find(|session| session.session == name);
    found.map_or_else(|| name.to_owned(), |session| when(session, words))
}
