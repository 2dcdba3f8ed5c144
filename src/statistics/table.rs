//! A clinic's own table of within-subject standard deviations.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::metrics::metric;
use crate::reading;
use crate::statistics::repeatability::{LESION_DOSE_ID, Listed};

/// The largest table that is read, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// A row of a CSV table.
#[derive(Deserialize)]
struct Row {
    metric: String,
    sd: f64,
    degrees: Option<f64>,
}

/// An entry of a TOML table: a standard deviation alone, or with its degrees of freedom.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Alone(f64),
    Full(Listed),
}

/// The standard deviations in a file, by metric: a CSV table with the columns
/// `metric,sd` and where known `degrees`, or TOML such as
/// `"redness.a_star_mean" = 0.2` or `"redness.a_star_mean" = { sd = 0.2, degrees = 12 }`.
///
/// # Errors
///
/// - [`Error::Read`] if the file cannot be read.
/// - [`Error::Malformed`] if it is neither, or names an unknown metric.
/// - [`Error::OutOfRange`] if a number is not above 0.
pub fn read(path: &Path) -> Result<BTreeMap<String, Listed>> {
    let text = reading::read_text(path, MOST_BYTES)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let table = if is_csv { from_csv(&text) } else { from_toml(&text) }.map_err(malformed)?;
    check(&table)?;
    Ok(table)
}

fn from_csv(text: &str) -> std::result::Result<BTreeMap<String, Listed>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let listed = |row: Row| (row.metric, Listed { sd: row.sd, degrees: row.degrees });
    reader.deserialize().map(|row| row.map(listed).map_err(|error| error.to_string())).collect()
}

fn from_toml(text: &str) -> std::result::Result<BTreeMap<String, Listed>, String> {
    let entries: BTreeMap<String, Entry> = toml::from_str(text).map_err(|error| error.to_string())?;
    let listed = |entry| match entry {
        Entry::Alone(sd) => Listed { sd, degrees: None },
        Entry::Full(listed) => listed,
    };
    Ok(entries.into_iter().map(|(metric, entry)| (metric, listed(entry))).collect())
}

/// Checks that every entry names a metric of the catalogue, or the dose of
/// lesions, and is above 0.
///
/// # Errors
///
/// [`Error::OutOfRange`], naming the first that is not.
pub fn check(table: &BTreeMap<String, Listed>) -> Result<()> {
    for (id, Listed { sd, degrees }) in table {
        let wrong = |name: String, value: String, range: &str| {
            Err(Error::OutOfRange { name, value, range: range.into() })
        };
        if metric(id).is_none() && id != LESION_DOSE_ID {
            let known = "among the ids that `dermalapse metrics` lists, or be `lesions.dose`";
            return wrong("metric of the repeatability table".into(), id.clone(), known);
        }
        if !(sd.is_finite() && *sd > 0.0) {
            return wrong(format!("repeatability of {id}"), sd.to_string(), "above 0");
        }
        if let Some(degrees) = degrees.filter(|degrees| !(degrees.is_finite() && *degrees >= 1.0)) {
            return wrong(format!("degrees of freedom of {id}"), degrees.to_string(), "at or above 1");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_toml_say_the_same() {
        let csv = from_csv("metric, sd, degrees\nredness.a_star_mean, 0.2, 12\nlesions.dose, 0.02,\n");
        let toml =
            from_toml("\"redness.a_star_mean\" = { sd = 0.2, degrees = 12 }\n\"lesions.dose\" = 0.02\n");
        assert_eq!(csv, toml);
        let table = csv.unwrap();
        assert_eq!(table["redness.a_star_mean"], Listed { sd: 0.2, degrees: Some(12.0) });
        check(&table).unwrap();
        assert_eq!(from_csv("metric,sd\nredness.a_star_mean,0.2\n").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_metric_or_no_standard_deviation_is_named() {
        let refused = |text: &str| check(&from_toml(text).unwrap()).unwrap_err().to_string();
        assert!(refused("\"redness.nonsense\" = 1").contains("redness.nonsense"));
        assert!(refused("\"redness.a_star_mean\" = 0").contains("above 0"));
        assert!(refused("\"redness.a_star_mean\" = { sd = 1, degrees = 0 }").contains("degrees"));
    }
}
