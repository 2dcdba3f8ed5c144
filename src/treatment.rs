//! Sessions beside treatments: how they were spaced, and which sessions show
//! skin that only heals.
//!
//! Microneedling reddens the skin for days and remodels it for months.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;

/// Days after a treatment in which redness belongs to healing. A photo of the
/// day itself is taken before the needles.
pub const HEALING_DAYS: std::ops::RangeInclusive<i64> = 1..=7;

/// Weeks usually left between treatments of a series.
const USUAL_WEEKS: std::ops::RangeInclusive<i64> = 4..=6;

/// Treatments of a usual series, at least.
const FEWEST_TREATMENTS: usize = 3;

/// Weeks after the last treatment before which collagen is still being built.
const REMODELLING_WEEKS: i64 = 12;

/// A session beside the treatments before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreatmentFacts {
    /// Treatments before the session.
    pub treatments_before: usize,
    /// Days since the last of them.
    pub days_since: i64,
    /// Whether redness belongs to healing: 1 to 7 days after a treatment.
    pub healing_window: bool,
}

impl TreatmentFacts {
    /// What `treatments`, in order, say of a session on `date`; `None` before
    /// the first. Of a session on the day of a treatment, the photo comes first.
    pub fn of(treatments: &[Date], date: Date) -> Option<Self> {
        let before: Vec<&Date> = treatments.iter().filter(|day| **day < date).collect();
        Self::after(days(**before.last()?, date), before.len())
    }

    /// A session so many days after the last of `treatments_before`; `None` if
    /// that is no day after.
    pub fn after(days_since: i64, treatments_before: usize) -> Option<Self> {
        let healing_window = HEALING_DAYS.contains(&days_since);
        (days_since > 0).then_some(Self { treatments_before, days_since, healing_window })
    }
}

/// How the treatments were spaced, and how long ago the last one was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Treatments up to the last session.
    pub treatments: usize,
    /// Days between one treatment and the next.
    pub intervals_days: Vec<i64>,
    /// Days from the last treatment to the last session.
    pub days_since_last: i64,
    /// What of it bears on the results.
    pub notes: Vec<Warning>,
}

impl Schedule {
    /// The schedule of `treatments`, in order, up to the last session on
    /// `date`; `None` if there was none before it.
    pub fn of(treatments: &[Date], date: Date) -> Option<Self> {
        let before: Vec<Date> = treatments.iter().copied().filter(|day| *day < date).collect();
        let days_since_last = days(*before.last()?, date);
        let intervals_days: Vec<i64> = before.windows(2).map(|pair| days(pair[0], pair[1])).collect();
        let mut notes = Vec::new();
        if before.len() < FEWEST_TREATMENTS {
            notes.push(Warning::new(
                "few_treatments",
                format!("{} so far; a series usually has three to six", counted(before.len(), "treatment")),
            ));
        }
        let unusual = |days: &&i64| !(7 * USUAL_WEEKS.start()..=7 * USUAL_WEEKS.end() + 6).contains(days);
        let odd = intervals_days.iter().filter(unusual).count();
        if odd > 0 {
            notes.push(Warning::new(
                "unusual_interval",
                format!(
                    "{odd} of {} between treatments not the usual 4 to 6 weeks",
                    counted(intervals_days.len(), "interval")
                ),
            ));
        }
        if days_since_last < 7 * REMODELLING_WEEKS {
            notes.push(Warning::new(
                "still_remodelling",
                format!(
                    "the last session is {} after the last treatment; scars, wrinkles and texture \
                     may change for months, so photograph again after 3 and 6 months",
                    counted(days_since_last as usize / 7, "week")
                ),
            ));
        }
        Some(Self { treatments: before.len(), intervals_days, days_since_last, notes })
    }
}

fn days(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(texts: &[&str]) -> Vec<Date> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn facts(treatments: &[&str], date: &str) -> Option<(usize, i64, bool)> {
        TreatmentFacts::of(&dates(treatments), date.parse().unwrap())
            .map(|facts| (facts.treatments_before, facts.days_since, facts.healing_window))
    }

    #[test]
    fn the_healing_window_is_the_week_after_a_treatment() {
        let treatments = ["2026-01-10", "2026-02-10"];
        assert_eq!(facts(&treatments, "2026-01-10"), None);
        assert_eq!(facts(&treatments, "2026-01-11"), Some((1, 1, true)));
        assert_eq!(facts(&treatments, "2026-01-18"), Some((1, 8, false)));
        assert_eq!(facts(&treatments, "2026-02-10"), Some((1, 31, false)));
        assert_eq!(facts(&treatments, "2026-02-17"), Some((2, 7, true)));
    }

    #[test]
    fn a_schedule_notes_what_bears_on_the_results() {
        let schedule = |treatments: &[&str], last: &str| {
            let schedule = Schedule::of(&dates(treatments), last.parse().unwrap()).unwrap();
            let codes: Vec<String> = schedule.notes.iter().map(|note| note.code.clone()).collect();
            (schedule.intervals_days, schedule.days_since_last, codes)
        };
        let usual = ["2026-01-01", "2026-01-29", "2026-03-12"];
        assert_eq!(schedule(&usual, "2026-07-01"), (vec![28, 42], 111, vec![]));
        let (_, _, codes) = schedule(&["2026-01-01", "2026-01-08"], "2026-01-20");
        assert_eq!(codes, ["few_treatments", "unusual_interval", "still_remodelling"]);
        assert_eq!(Schedule::of(&dates(&usual), "2026-01-01".parse().unwrap()), None);
    }
}
