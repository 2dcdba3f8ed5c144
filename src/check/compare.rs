//! Two reports side by side.
//!
//! Lists are put side by side by what their items are of, not by their
//! position: a session added does not shift the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::records::{Compared, Difference, DifferenceKind, Place};
use crate::check::tolerance::Tolerances;

/// Keys that change with the program and not with the skin.
const VOLATILE: [&str; 2] = ["tool.version", "tool.settings_hash"];

/// What was found so far.
pub(super) struct Comparison<'a> {
    tolerances: &'a Tolerances,
    strict: bool,
    pub differences: Vec<Difference>,
    pub notes: Vec<Difference>,
    pub used: BTreeSet<String>,
    counts: BTreeMap<(String, Option<String>, String), (usize, usize)>,
}

/// Where the comparison is.
#[derive(Clone)]
struct Here {
    place: Place,
    /// What tolerances go by: a metric's id or a part of the report.
    topic: String,
    key: String,
    /// Standard error of the golden record's numbers.
    standard_error: Option<f64>,
    /// Width and height of the session's photo, pixels.
    frame: [f64; 2],
    /// Whether a key that the golden report does not know may come with a
    /// later version; a metric or an item of a list does not.
    new_key: bool,
}

impl Here {
    fn inside(&self, key: &str) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { key, ..self.clone() }
    }

    /// At a part of the report whose keys are named from here.
    fn part(&self, topic: &str, metric: Option<&str>) -> Self {
        let mut here = self.clone();
        here.topic = topic.to_owned();
        here.place.family = topic.split('.').next().unwrap_or_default().to_owned();
        here.place.metric = metric.map(str::to_owned);
        here.key = String::new();
        here
    }
}

impl<'a> Comparison<'a> {
    pub fn new(tolerances: &'a Tolerances, strict: bool) -> Self {
        let (differences, notes, used, counts) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeMap::new());
        Self { tolerances, strict, differences, notes, used, counts }
    }

    /// Compares the reports of one patient, of which one may be missing.
    pub fn patient(&mut self, id: &str, golden: Option<&Value>, actual: Option<&Value>) {
        let place = Place {
            patient: id.to_owned(),
            view: None,
            session: None,
            region: None,
            metric: None,
            family: "report".into(),
        };
        let here = Here {
            place,
            topic: "report".into(),
            key: String::new(),
            standard_error: None,
            frame: [1.0, 1.0],
            new_key: false,
        };
        match (golden, actual) {
            (Some(golden), Some(actual)) => self.entry(&here, golden, actual),
            (Some(_), None) => {
                self.one_sided(&here.inside("patient"), DifferenceKind::Missing, &Value::from(id))
            }
            (None, Some(_)) => {
                self.one_sided(&here.inside("patient"), DifferenceKind::Extra, &Value::from(id))
            }
            (None, None) => {}
        }
    }

    pub fn compared(&self) -> Vec<Compared> {
        let entry =
            |((patient, view, family), (entries, differences)): (&(_, _, String), &(usize, usize))| {
                let (patient, view): (&String, &Option<String>) = (patient, view);
                Compared {
                    patient: patient.clone(),
                    view: view.clone(),
                    family: family.clone(),
                    entries: *entries,
                    differences: *differences,
                }
            };
        self.counts.iter().map(entry).collect()
    }

    fn entry(&mut self, here: &Here, golden: &Value, actual: &Value) {
        match (golden, actual) {
            _ if here.topic == "alignment"
                && here.key == "matrix"
                && !golden.is_null()
                && !actual.is_null() =>
            {
                self.matrix(here, golden, actual);
            }
            (Value::Object(_), Value::Object(_)) => self.objects(here, golden, actual),
            (Value::Array(golden), Value::Array(actual)) => self.lists(here, golden, actual),
            (Value::Number(g), Value::Number(a)) if g.is_f64() || a.is_f64() => {
                let (Some(g), Some(a)) = (g.as_f64(), a.as_f64()) else { return };
                let (tolerance, name) = self.tolerances.of(&here.topic, &here.key);
                let allowed = tolerance.allowed(g, here.standard_error);
                self.used.insert(name.to_owned());
                self.number(here, [golden, actual], (a - g).abs(), allowed);
            }
            _ => {
                let kind = (golden != actual).then_some(DifferenceKind::Other);
                self.record(here, kind, [golden, actual], None);
            }
        }
    }

    fn objects(&mut self, here: &Here, golden: &Value, actual: &Value) {
        let (Some(left), Some(right)) = (golden.as_object(), actual.as_object()) else { return };
        let here = Here { standard_error: standard_error(golden).or(here.standard_error), ..here.clone() };
        let percent = percent_error(golden, here.standard_error);
        let added = right.keys().filter(|key| !left.contains_key(*key));
        for key in left.keys().chain(added) {
            let mut there = inside(&here, key, golden);
            there.new_key = here.key != "metrics";
            if key == "percent" {
                there.standard_error = percent;
            }
            match (left.get(key), right.get(key)) {
                (Some(golden), Some(actual)) => self.entry(&there, golden, actual),
                (Some(golden), None) => self.one_sided(&there, DifferenceKind::Missing, golden),
                (None, Some(actual)) => self.one_sided(&there, DifferenceKind::Extra, actual),
                (None, None) => {}
            }
        }
    }

    /// Puts items side by side by what they are of.
    fn lists(&mut self, here: &Here, golden: &[Value], actual: &[Value]) {
        let list = here.key.rsplit('.').next().unwrap_or_default().to_owned();
        let (left, right) = (identified(&list, golden), identified(&list, actual));
        let added = right.iter().filter(|(name, _)| !left.iter().any(|(other, _)| other == name));
        for (name, item) in left.iter().chain(added) {
            let there = Here { new_key: false, ..at_item(here, &list, name, item) };
            let golden = left.iter().find(|(other, _)| other == name).map(|(_, item)| *item);
            let actual = right.iter().find(|(other, _)| other == name).map(|(_, item)| *item);
            match (golden, actual) {
                (Some(golden), Some(actual)) => self.entry(&there, golden, actual),
                (Some(golden), None) => self.one_sided(&there, DifferenceKind::Missing, golden),
                (None, Some(actual)) => self.one_sided(&there, DifferenceKind::Extra, actual),
                (None, None) => {}
            }
        }
    }

    /// An alignment differs by how far it moves the corners of the photo.
    fn matrix(&mut self, here: &Here, golden: &Value, actual: &Value) {
        let moved = match (homography(golden), homography(actual)) {
            (Some(golden), Some(actual)) => {
                let [w, h] = here.frame;
                let corners = [[0.0, 0.0], [w, 0.0], [0.0, h], [w, h]];
                let apart = |at: [f64; 2]| {
                    let ([x0, y0], [x1, y1]) = (mapped(&golden, at), mapped(&actual, at));
                    (x1 - x0).hypot(y1 - y0)
                };
                corners.map(apart).into_iter().fold(0.0, f64::max)
            }
            _ => f64::INFINITY,
        };
        let (tolerance, name) = self.tolerances.of(&here.topic, &here.key);
        self.used.insert(name.to_owned());
        self.number(here, [golden, actual], moved, tolerance.allowed(0.0, None));
    }

    fn number(&mut self, here: &Here, sides: [&Value; 2], difference: f64, allowed: f64) {
        let beyond = difference > allowed;
        let numbers = [difference, allowed, difference - allowed];
        self.record(here, beyond.then_some(DifferenceKind::Number), sides, Some(numbers));
    }

    fn one_sided(&mut self, here: &Here, kind: DifferenceKind, value: &Value) {
        let sides =
            if kind == DifferenceKind::Missing { [value, &Value::Null] } else { [&Value::Null, value] };
        self.record(here, Some(kind), sides, None);
    }

    fn record(
        &mut self,
        here: &Here,
        kind: Option<DifferenceKind>,
        [golden, actual]: [&Value; 2],
        numbers: Option<[f64; 3]>,
    ) {
        let place = &here.place;
        let family = (place.patient.clone(), place.view.clone(), place.family.clone());
        let count = self.counts.entry(family).or_default();
        count.0 += 1;
        let Some(kind) = kind else { return };
        let difference = Difference {
            place: place.clone(),
            key: here.key.clone(),
            kind,
            golden: golden.clone(),
            actual: actual.clone(),
            difference: numbers.map(|numbers| numbers[0]),
            allowed: numbers.map(|numbers| numbers[1]),
            exceeded_by: numbers.map(|numbers| numbers[2]),
        };
        let volatile = VOLATILE.contains(&here.key.as_str()) || kind == DifferenceKind::Extra && here.new_key;
        if volatile && !self.strict {
            self.notes.push(difference);
        } else {
            count.1 += 1;
            self.differences.push(difference);
        }
    }
}

/// The place of a key of an object.
fn inside(here: &Here, key: &str, golden: &Value) -> Here {
    match key {
        "metrics" | "regions" | "views" | "sessions" | "changes" | "trends" | "lesions" | "track" => {
            here.inside(key)
        }
        "quality" | "calibration" | "alignment" | "comparable" | "photos" | "scale" | "warnings"
            if here.key.is_empty() && matches!(here.topic.as_str(), "report" | "session") =>
        {
            let mut part = here.part(key, None);
            if let Some([width, height]) = frame(golden) {
                part.frame = [width, height];
            }
            part
        }
        _ if here.key == "metrics" => here.part(key, Some(key)),
        _ => here.inside(key),
    }
}

/// Items with names that hold in both reports.
fn identified<'v>(list: &str, items: &'v [Value]) -> Vec<(String, &'v Value)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut named = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let of = |keys: &[&str]| keys.iter().map(|key| item[*key].as_str()).collect::<Option<Vec<_>>>();
        let name = match list {
            "views" => of(&["view"]),
            "sessions" | "track" => of(&["session"]),
            "regions" => of(&["region"]),
            "changes" | "controlled" => of(&["region", "metric", "from", "to"]),
            "trends" | "recoveries" => of(&["region", "metric"]),
            "lesions" => of(&["id"]),
            "photos" => of(&["file"]),
            "warnings" | "reasons" => of(&["code"]),
            _ => None,
        };
        let name = name.map_or_else(|| index.to_string(), |parts| parts.join(" "));
        let nth = seen.entry(name.clone()).and_modify(|nth| *nth += 1).or_insert(1);
        named.push((if *nth > 1 { format!("{name} {nth}") } else { name }, item));
    }
    named
}

/// The place of an item of a list.
fn at_item(here: &Here, list: &str, name: &str, item: &Value) -> Here {
    let text = |key: &str| item[key].as_str().map(str::to_owned);
    let mut there = here.clone();
    match list {
        "views" => {
            there.place.view = text("view");
            there.key = String::new();
        }
        "sessions" => {
            there = here.part("session", None);
            there.place.session = text("session");
            if let Some(frame) = frame(item) {
                there.frame = frame;
            }
        }
        "regions" => {
            there.place.region = text("region");
            there.key = String::new();
        }
        "changes" | "controlled" | "trends" | "recoveries" => {
            let metric = text("metric").unwrap_or_default();
            there = here.part(&metric, Some(&metric));
            (there.place.session, there.place.region) = (text("to"), text("region"));
            let one = match list {
                "changes" => "change",
                "trends" => "trend",
                "recoveries" => "recovery",
                other => other,
            };
            there.key = one.to_owned();
        }
        "lesions" => there = here.part("lesions", Some(name)),
        "track" => {
            there.place.session = text("session");
            there.key = String::new();
        }
        _ => there.key = format!("{}[{name}]", here.key),
    }
    there
}

/// Width and height of a session's first photo.
fn frame(session: &Value) -> Option<[f64; 2]> {
    let photo = session["photos"].get(0)?;
    Some([photo["width"].as_f64()?, photo["height"].as_f64()?])
}

/// The standard error of a record: its own, or that of its 95 % interval.
fn standard_error(record: &Value) -> Option<f64> {
    let own = record["standard_error"].as_f64().or(record["dose_standard_error"].as_f64());
    let width = || Some(record["ci95"][1].as_f64()? - record["ci95"][0].as_f64()?);
    own.or_else(|| Some(width()? / (2.0 * 1.96)))
}

/// The standard error of a change in percent.
fn percent_error(change: &Value, standard_error: Option<f64>) -> Option<f64> {
    let ratio = change["percent"].as_f64()? / change["difference"].as_f64()?;
    Some(standard_error? * ratio.abs()).filter(|error| error.is_finite())
}

fn homography(matrix: &Value) -> Option<[[f64; 3]; 3]> {
    let mut rows = [[0.0; 3]; 3];
    for (i, row) in rows.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = matrix.get(i)?.get(j)?.as_f64()?;
        }
    }
    Some(rows)
}

fn mapped(m: &[[f64; 3]; 3], [x, y]: [f64; 2]) -> [f64; 2] {
    let [u, v, w] = m.map(|row| row[0] * x + row[1] * y + row[2]);
    [u / w, v / w]
}
