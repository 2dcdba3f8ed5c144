//! A metric over time, as SVG.
//!
//! The only numbers on it are the report's: sessions are marked by their day,
//! the baseline and the last value are written beside their points.

use crate::report::html::language::Words;
use crate::report::html::number;
use crate::treatment::HEALING_DAYS;

/// Width of a chart, its own units.
pub const WIDTH: f64 = 320.0;
/// Height of a chart.
pub const HEIGHT: f64 = 176.0;

/// Room for labels: left, right, top, bottom.
const MARGIN: [f64; 4] = [58.0, 58.0, 18.0, 30.0];

/// Standard errors on each side of an error bar: 95 % of cases.
const BAR: f64 = 1.96;

/// Least distance between labels of days.
const LEAST_GAP: f64 = 24.0;

/// One session's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// Days since the baseline, or the number of the session without dates.
    pub at: f64,
    /// The day to be written, where there is one.
    pub day: Option<i64>,
    /// The value.
    pub value: f64,
    /// Its standard error.
    pub error: Option<f64>,
    /// The minimal detectable change against the baseline.
    pub mdc: Option<f64>,
    /// Whether it may be compared with the baseline.
    pub comparable: bool,
    /// Whether it is the baseline.
    pub baseline: bool,
}

/// A chart, ready to be drawn.
#[derive(Debug, Default)]
pub struct Chart {
    /// The band within which changes cannot be told from chance: points of a polygon.
    pub band: String,
    /// The level of the baseline.
    pub level: Option<f64>,
    /// Healing windows: left edge and width.
    pub healing: Vec<[f64; 2]>,
    /// Treatments: where.
    pub treatments: Vec<f64>,
    /// The line through what is comparable.
    pub line: String,
    /// The points.
    pub points: Vec<Point>,
    /// Days under the axis.
    pub days: Vec<Label>,
    /// Values beside their points.
    pub values: Vec<Label>,
}

/// A point of a chart.
#[derive(Debug)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Down.
    pub y: f64,
    /// Upper and lower end of the error bar.
    pub bar: Option<[f64; 2]>,
    /// Whether it may be compared with the baseline.
    pub comparable: bool,
}

/// A number written on a chart.
#[derive(Debug)]
pub struct Label {
    /// Across.
    pub x: f64,
    /// Down.
    pub y: f64,
    /// Where it is anchored.
    pub anchor: &'static str,
    /// The report's number.
    pub value: String,
    /// What is shown of it.
    pub shown: String,
}

/// The chart of a metric with treatments at `treatments` days.
pub fn chart(dots: &[Dot], treatments: &[f64], words: &Words) -> Option<Chart> {
    let baseline = dots.iter().find(|dot| dot.baseline).or(dots.first())?;
    let reach = |dot: &Dot| BAR * dot.error.unwrap_or(0.0);
    let band = |dot: &Dot| dot.mdc.unwrap_or(0.0);
    let ends = dots.iter().flat_map(|dot| {
        [
            dot.value - reach(dot),
            dot.value + reach(dot),
            baseline.value - band(dot),
            baseline.value + band(dot),
        ]
    });
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let (first, last) = dots
        .iter()
        .map(|dot| dot.at)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), at| (first.min(at), last.max(at)));
    let across = Axis::new([first, last], [MARGIN[0] + 10.0, WIDTH - MARGIN[1] - 10.0], 0.0);
    let down = Axis::new([low, high], [HEIGHT - MARGIN[3] - 6.0, MARGIN[2]], 0.04);
    let healed = |day: f64| day + *HEALING_DAYS.end() as f64;
    let shown: Vec<f64> =
        treatments.iter().copied().filter(|&day| healed(day) > first && day <= last).collect();
    let healing = |&day: &f64| {
        let (from, to) = (across.at(day.max(first)), across.at(healed(day).min(last)));
        [from, tenth(to - from)]
    };
    let comparable: Vec<&Dot> = dots.iter().filter(|dot| dot.comparable || dot.baseline).collect();
    Some(Chart {
        band: polygon(dots, baseline, &across, &down),
        level: Some(down.at(baseline.value)),
        healing: shown.iter().map(healing).filter(|[_, width]| *width > 0.0).collect(),
        treatments: shown.iter().filter(|&&day| day >= first).map(|&day| across.at(day)).collect(),
        line: comparable
            .iter()
            .map(|dot| format!("{},{}", across.at(dot.at), down.at(dot.value)))
            .collect::<Vec<_>>()
            .join(" "),
        points: dots
            .iter()
            .map(|dot| Point {
                x: across.at(dot.at),
                y: down.at(dot.value),
                bar: dot.error.map(|_| [down.at(dot.value + reach(dot)), down.at(dot.value - reach(dot))]),
                comparable: dot.comparable || dot.baseline,
            })
            .collect(),
        days: days(dots, &across),
        values: values(dots, baseline, &across, &down, words),
    })
}

/// The band of the minimal detectable change around the baseline's value.
fn polygon(dots: &[Dot], baseline: &Dot, across: &Axis, down: &Axis) -> String {
    let known: Vec<(f64, f64)> = dots.iter().filter_map(|dot| Some((dot.at, dot.mdc?))).collect();
    let Some(&(_, first)) = known.first() else { return String::new() };
    let mut ends = known.clone();
    ends.push((baseline.at, first));
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let corner = |(at, value): (f64, f64)| format!("{},{}", across.at(at), down.at(value));
    let above = ends.iter().map(|&(at, mdc)| corner((at, baseline.value + mdc)));
    let below = ends.iter().rev().map(|&(at, mdc)| corner((at, baseline.value - mdc)));
    above.chain(below).collect::<Vec<_>>().join(" ")
}

fn days(dots: &[Dot], across: &Axis) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    for (index, dot) in dots.iter().enumerate() {
        let (Some(day), x) = (dot.day, across.at(dot.at)) else { continue };
        let crowded = labels.last().is_some_and(|label| x - label.x < LEAST_GAP);
        // The last day is worth more than the one before it.
        if crowded && index + 1 == dots.len() && labels.len() > 1 {
            labels.pop();
        } else if crowded {
            continue;
        }
        let value = day.to_string();
        labels.push(Label { x, y: HEIGHT - 14.0, anchor: "middle", shown: value.clone(), value });
    }
    labels
}

fn values(dots: &[Dot], baseline: &Dot, across: &Axis, down: &Axis, words: &Words) -> Vec<Label> {
    let label = |dot: &Dot, anchor: &'static str, offset: f64| Label {
        x: across.at(dot.at) + offset,
        y: down.at(dot.value) + 4.0,
        anchor,
        value: number::as_reported(dot.value),
        shown: number::shown(dot.value, words),
    };
    let (first, last) = (dots.first(), dots.last());
    let mut labels = Vec::new();
    if first.is_some_and(|dot| dot == baseline) {
        labels.push(label(baseline, "end", -9.0));
    }
    labels.extend(last.filter(|dot| dots.len() > 1 && *dot != baseline).map(|dot| label(dot, "start", 9.0)));
    labels
}

/// A straight axis.
struct Axis {
    from: [f64; 2],
    to: [f64; 2],
}

impl Axis {
    /// The axis that takes `from` to `to`, with a share of `from` spare at both ends.
    fn new(from: [f64; 2], to: [f64; 2], spare: f64) -> Self {
        let length = from[1] - from[0];
        let pad = if length > 0.0 { spare * length } else { from[0].abs().max(1.0) * 0.5 };
        Self { from: [from[0] - pad, from[1] + pad], to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value - self.from[0]) / (self.from[1] - self.from[0]);
        tenth(self.to[0] + share * (self.to[1] - self.to[0]))
    }
}

fn tenth(value: f64) -> f64 {
    (10.0 * value).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::Language;

    fn dot(at: f64, value: f64, baseline: bool) -> Dot {
        let mdc = (!baseline).then_some(1.0);
        Dot { at, day: Some(at as i64), value, error: Some(0.5), mdc, comparable: true, baseline }
    }

    #[test]
    fn better_lies_where_it_should_and_only_numbers_of_the_report_are_written() {
        let dots = [dot(0.0, 10.0, true), dot(42.0, 8.0, false), dot(84.0, 5.0, false)];
        let chart = chart(&dots, &[0.0, 42.0], Language::English.words()).unwrap();
        let ys: Vec<f64> = chart.points.iter().map(|point| point.y).collect();
        assert!(ys[0] < ys[1] && ys[1] < ys[2], "{ys:?}");
        assert_eq!(
            chart.days.iter().map(|label| label.value.as_str()).collect::<Vec<_>>(),
            ["0", "42", "84"]
        );
        assert_eq!(chart.values.iter().map(|label| label.shown.as_str()).collect::<Vec<_>>(), ["10", "5"]);
        assert_eq!((chart.treatments.len(), chart.healing.len()), (2, 2));
        // A week of the twelve that the axis is wide.
        let axis = WIDTH - MARGIN[0] - MARGIN[1] - 20.0;
        assert!((chart.healing[0][1] - axis / 12.0).abs() < 0.1);
    }

    #[test]
    fn what_is_not_comparable_is_left_out_of_the_line() {
        let mut dots = [dot(0.0, 1.0, true), dot(1.0, 1.0, false), dot(2.0, 1.0, false)];
        dots[1].comparable = false;
        let chart = chart(&dots, &[], Language::English.words()).unwrap();
        assert_eq!(chart.line.split(' ').count(), 2);
        assert_eq!(chart.points.iter().filter(|point| !point.comparable).count(), 1);
        assert!(chart.points.iter().all(|point| point.y.is_finite()));
    }
}
