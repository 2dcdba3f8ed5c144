//! A patient's page.

use askama::Template;

use crate::report::html::chart::{HEIGHT, WIDTH};
use crate::report::html::compare::{Compare, compare};
use crate::report::html::concern::{Concern, Scene, unit, verdict_name, when};
use crate::report::html::context::{Context, context};
use crate::report::html::language::{Language, Words};
use crate::report::html::number::{self, Markup};
use crate::report::html::policy::policy;
use crate::report::html::trust::{self, Said, Trusted};
use crate::report::pictures::Pictures;
use crate::series::{Course, Report, View};
use crate::session::{Confidence, Session};

/// The style of every page.
pub const STYLE: &str = include_str!("../../../templates/style.css");

const SCRIPT: &str = include_str!("../../../templates/patient.js");

#[derive(Template)]
#[template(path = "patient.html")]
struct Page<'a> {
    t: &'a Words,
    policy: String,
    style: &'static str,
    script: &'static str,
    report: &'a Report,
    treatments: String,
    warnings: Vec<Said>,
    views: Vec<ViewPart<'a>>,
    chart_width: f64,
    chart_height: f64,
}

/// A view in the page.
struct ViewPart<'a> {
    index: usize,
    title: String,
    baseline: String,
    view: &'a View,
    compare: Option<Compare>,
    regions: Vec<RegionPart>,
    context: Context,
    scale: Markup,
    sessions: Vec<Trusted>,
    refused: bool,
}

/// A region in the page.
struct RegionPart {
    /// Its name in words; empty for the only one.
    title: String,
    concerns: Vec<Concern>,
    rows: Vec<Row>,
    trends: Vec<TrendRow>,
}

/// A value and its change, as the report has them.
struct Row {
    metric: String,
    id: String,
    unit: String,
    session: String,
    value: Markup,
    error: Markup,
    confidence: String,
    difference: Markup,
    percent: Markup,
    low: Markup,
    high: Markup,
    mdc: Markup,
    verdict: String,
    reason: String,
}

/// A trend, as the report has it.
struct TrendRow {
    metric: String,
    unit: String,
    slope: Markup,
    low: Markup,
    high: Markup,
    course: String,
}

/// The page of a patient, in full. `pictures` are those of the views, by
/// index; a view without pictures has numbers only. The same report and
/// pictures give the same bytes.
pub fn patient_page(report: &Report, pictures: &[Option<Pictures>], language: Language) -> String {
    let t = language.words();
    let part =
        |(index, view)| view_part(index, view, report, pictures.get(index).and_then(Option::as_ref), t);
    let page = Page {
        t,
        policy: policy(STYLE, SCRIPT),
        style: STYLE,
        script: SCRIPT,
        report,
        treatments: report.patient.treatments.iter().map(|date| t.date(date)).collect::<Vec<_>>().join(", "),
        // What became of a photo that was read is told with its view.
        warnings: report
            .warnings
            .iter()
            .filter(|warning| !matches!(&*warning.code, "photo_rejected" | "photo_not_comparable"))
            .map(|warning| trust::said(warning, t))
            .collect(),
        views: report.views.iter().enumerate().map(part).collect(),
        chart_width: WIDTH,
        chart_height: HEIGHT,
    };
    page.render().expect("a page is written to memory")
}

fn view_part<'a>(
    index: usize,
    view: &'a View,
    report: &'a Report,
    pictures: Option<&Pictures>,
    t: &'a Words,
) -> ViewPart<'a> {
    let mut names: Vec<&str> = Vec::new();
    for region in view.sessions.iter().flat_map(|session| &session.regions) {
        if !names.contains(&region.region.as_str()) {
            names.push(&region.region);
        }
    }
    let alone = names.len() == 1;
    let region = |name: &&'a str| {
        let scene = Scene { view, patient: &report.patient, region: name, words: t };
        RegionPart {
            title: if alone { String::new() } else { t.name("region", name) },
            concerns: scene.concerns(),
            rows: rows(&scene),
            trends: trends(&scene),
        }
    };
    let baseline = view.sessions.iter().find(|session| session.session == view.baseline);
    let sessions = trust::sessions(view, t);
    ViewPart {
        index,
        title: sentence_case(&t.name("view", &view.view)),
        baseline: baseline.map_or_else(|| view.baseline.clone(), |session| when(session, t)),
        view,
        compare: pictures.map(|pictures| compare(view, pictures, t)),
        regions: names.iter().map(region).collect(),
        context: context(view, t),
        scale: trust::scale(view, t),
        refused: sessions.iter().any(|session| matches!(session.status, "rejected" | "no" | "partly")),
        sessions,
    }
}

fn sentence_case(name: &str) -> String {
    let mut rest = name.chars();
    let first: String = rest.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}", rest.as_str())
}

/// Every value and every change of a region.
fn rows(scene: &Scene) -> Vec<Row> {
    let sessions = &scene.view.sessions;
    let ids = scene.metrics();
    let all = ids.iter().flat_map(|id| sessions.iter().map(move |session| (*id, session)));
    all.filter_map(|(id, session)| row(scene, id, session)).collect()
}

fn row(scene: &Scene, id: &str, session: &Session) -> Option<Row> {
    let t = scene.words;
    let (record, change) = (scene.record(&session.session, id), scene.change(&session.session, id));
    if record.is_none() && change.is_none() {
        return None;
    }
    let exact = |value: Option<f64>| value.map_or_else(Markup::new, |value| number::exact(value, t));
    let told = change.map(|change| verdict_name(change.verdict));
    let reason = record
        .and_then(|record| record.reason.as_deref())
        .or(change.and_then(|change| change.reason.as_deref()));
    let confidence = record.and_then(|record| record.confidence).map(|confidence| match confidence {
        Confidence::Low => t.say("confidence.low"),
        Confidence::Medium => t.say("confidence.medium"),
        Confidence::High => t.say("confidence.high"),
    });
    Some(Row {
        metric: t.name("metric", id),
        id: id.to_owned(),
        unit: unit(id, t),
        session: when(session, t),
        value: exact(record.and_then(|record| record.value)),
        error: exact(record.and_then(|record| record.standard_error)),
        confidence: confidence.unwrap_or_default().to_owned(),
        difference: exact(change.and_then(|change| change.difference)),
        percent: exact(change.and_then(|change| change.percent)),
        low: exact(change.and_then(|change| change.ci95).map(|[low, _]| low)),
        high: exact(change.and_then(|change| change.ci95).map(|[_, high]| high)),
        mdc: exact(change.and_then(|change| change.mdc95)),
        verdict: told.map(|name| t.say(&format!("verdict.{name}")).to_owned()).unwrap_or_default(),
        reason: reason.map(|reason| trust::reason(reason, t)).unwrap_or_default(),
    })
}

fn trends(scene: &Scene) -> Vec<TrendRow> {
    let t = scene.words;
    let mine = scene.view.trends.iter().filter(|trend| trend.region == scene.region);
    let exact = |value: Option<f64>| value.map_or_else(Markup::new, |value| number::exact(value, t));
    mine.map(|trend| TrendRow {
        metric: t.name("metric", &trend.metric),
        unit: unit(&trend.metric, t),
        slope: number::exact(trend.slope_per_30_days, t),
        low: exact(trend.ci95.map(|[low, _]| low)),
        high: exact(trend.ci95.map(|[_, high]| high)),
        course: trend.course.map(|course| t.name("course", course_name(course))).unwrap_or_default(),
    })
    .collect()
}

fn course_name(course: Course) -> &'static str {
    match course {
        Course::Improving => "improving",
        Course::Plateau => "plateau",
        Course::Relapse => "relapse",
        Course::Worsening => "worsening",
        Course::Steady => "steady",
    }
}
