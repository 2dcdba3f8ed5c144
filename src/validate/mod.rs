//! How right the tool is, measured on synthetic patients whose truth is known.
//!
//! [`validate`] renders patients, runs the whole job on their photographs and
//! holds what it says against the truth. The phantoms' optics are not those
//! that the unmixing was derived from. A [`Section`] is one table; further
//! ones are further functions in [`validate`].

mod accuracy;
mod change;
mod lesions;
mod patients;
mod values;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::report;
use crate::series::Tool;
use crate::settings::Settings;

pub use self::patients::{Case, Variant, photo_count};

/// The schema that [`Validation`] follows.
pub const VALIDATION_SCHEMA: &str = "dermalapse.validation/1";

/// How many patients are rendered, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// One tone of skin, a few square centimetres: for tests.
    Smallest,
    /// Two tones, small photographs: under a minute on two cores.
    Quick,
    /// Four tones, a cheek each.
    Full,
}

/// How right the tool is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// [`VALIDATION_SCHEMA`].
    pub schema: String,
    /// What was validated.
    pub tool: Tool,
    /// What was rendered.
    pub extent: Extent,
    /// Table by table.
    pub sections: Vec<Section>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// What it is about.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// One measured quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What was measured.
    pub label: String,
    /// What it should be.
    pub bar: Bar,
    /// What it is; `null` where there was nothing to measure it on.
    pub measured: Option<f64>,
    /// Unit of both.
    pub unit: String,
    /// How many cases it rests on.
    pub n: usize,
    /// Whether it is as it should be; `null` without a bar or a value.
    pub ok: Option<bool>,
}

/// What a quantity should be; both ends may be open.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// The least that is right.
    pub at_least: Option<f64>,
    /// The most that is right.
    pub at_most: Option<f64>,
}

impl Bar {
    /// No bar.
    pub const NONE: Self = Self { at_least: None, at_most: None };

    /// At least this.
    pub const fn at_least(least: f64) -> Self {
        Self { at_least: Some(least), at_most: None }
    }

    /// At most this.
    pub const fn at_most(most: f64) -> Self {
        Self { at_least: None, at_most: Some(most) }
    }

    /// Between these, both included.
    pub const fn between(least: f64, most: f64) -> Self {
        Self { at_least: Some(least), at_most: Some(most) }
    }

    fn holds(self, value: f64) -> Option<bool> {
        let open = self == Self::NONE;
        let holds =
            self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most);
        (!open).then_some(holds)
    }
}

impl std::fmt::Display for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.at_least, self.at_most) {
            (None, None) => write!(f, "-"),
            (Some(least), None) => write!(f, ">= {least}"),
            (None, Some(most)) => write!(f, "<= {most}"),
            (Some(least), Some(most)) => write!(f, "{least} to {most}"),
        }
    }
}

impl Row {
    /// A row whose value was found on `n` cases.
    pub fn new(label: impl Into<String>, bar: Bar, measured: Option<f64>, unit: &str, n: usize) -> Self {
        let ok = measured.and_then(|value| bar.holds(value));
        Self { label: label.into(), bar, measured, unit: unit.to_owned(), n, ok }
    }

    /// How many of `cases` are so, in percent.
    pub fn share(label: impl Into<String>, bar: Bar, cases: &[bool]) -> Self {
        let held = cases.iter().filter(|&&held| held).count() as f64;
        let share = (!cases.is_empty()).then(|| 100.0 * held / cases.len() as f64);
        Self::new(label, bar, share, "%", cases.len())
    }

    /// The median of `values`.
    pub fn median(label: impl Into<String>, bar: Bar, mut values: Vec<f64>, unit: &str) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => None,
            count if count % 2 == 1 => Some(values[middle]),
            _ => Some((values[middle - 1] + values[middle]) / 2.0),
        };
        Self::new(label, bar, median, unit, values.len())
    }
}

impl Section {
    /// A table of these rows.
    pub fn new(name: &str, rows: Vec<Row>) -> Self {
        Self { name: name.to_owned(), rows }
    }
}

/// Renders synthetic patients, measures them and says how right that was.
/// `step` is called after each photo.
///
/// # Errors
///
/// Those of [`write_phantom`](crate::batch::write_phantom), where no temporary
/// files can be written.
pub fn validate(extent: Extent, settings: &Settings, step: &(dyn Fn() + Sync)) -> Result<Validation> {
    let cases = patients::cases(extent, settings, step)?;
    Ok(Validation {
        schema: VALIDATION_SCHEMA.into(),
        tool: report::tool(settings),
        extent,
        sections: vec![
            change::unchanged(&cases),
            change::power(&cases),
            lesions::section(&cases),
            values::section(&cases),
            accuracy::colour(),
            accuracy::card(extent)?,
            accuracy::structures(extent, settings.seed)?,
            accuracy::texture(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_medians_by_hand() {
        let row = Row::share("x", Bar::at_least(70.0), &[true, true, false, true]);
        assert_eq!((row.measured, row.n, row.ok), (Some(75.0), 4, Some(true)));
        assert_eq!(Row::share("x", Bar::at_most(5.0), &[]).ok, None);
        let row = Row::median("x", Bar::between(1.0, 2.0), vec![4.0, 1.0, 3.0, 2.0], "mm");
        assert_eq!((row.measured, row.ok, row.bar.to_string()), (Some(2.5), Some(false), "1 to 2".into()));
        assert_eq!(Row::median("x", Bar::NONE, vec![1.0], "mm").ok, None);
    }
}
