//! Every choice that changes a result, with its default and its range.
//!
//! A settings file is TOML; what it leaves out keeps its default. The ranges
//! stand in one table, from which files are checked and the documentation is
//! written.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alignment::AlignmentOptions;
use crate::calibration::CardOptions;
use crate::error::{Error, Result};
use crate::photo::DecodeLimits;
use crate::reading;
use crate::statistics::{Listed, table};

/// The largest settings file that is read, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Everything that changes a result, apart from the photographs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where every random choice starts.
    pub seed: u64,
    /// What is refused before it can do harm.
    pub limits: Limits,
    /// What an alignment must reach to be believed.
    pub alignment: AlignmentOptions,
    /// What is known of the colour card.
    pub card: CardOptions,
    /// How a verdict's error is found.
    pub error: ErrorOptions,
    /// A clinic's own within-subject standard deviations, by metric id, which
    /// override all others; none by default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub repeatability: BTreeMap<String, Listed>,
}

/// How a verdict's error is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorOptions {
    /// Perturbed copies of the baseline that are measured to see what the
    /// camera alone does; with 0, published figures stand alone.
    pub perturbed_copies: u32,
    /// The largest photo of which copies are made, megapixels: a copy takes as
    /// long as a photo. Of larger ones, published figures stand alone.
    pub perturbed_megapixels: f64,
}

impl Default for ErrorOptions {
    fn default() -> Self {
        Self { perturbed_copies: 2, perturbed_megapixels: 4.0 }
    }
}

/// What is refused before it can do harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest photo that is decoded, megapixels.
    pub max_megapixels: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_megapixels: 250 }
    }
}

/// A setting's range and meaning.
struct Setting {
    /// Its sections and its name, joined by dots.
    key: &'static str,
    /// The least and the greatest value allowed.
    range: (f64, f64),
    /// One line: what it is, with its unit.
    summary: &'static str,
}

/// Every setting, in the order of [`Settings`].
const TABLE: &[Setting] = &[
    Setting {
        key: "seed",
        range: (0.0, 9_007_199_254_740_992.0),
        summary: "where every random choice starts",
    },
    Setting {
        key: "limits.max_megapixels",
        range: (1.0, 4000.0),
        summary: "the largest photo that is decoded, megapixels",
    },
    Setting {
        key: "alignment.least_overlap_fraction",
        range: (0.0, 1.0),
        summary: "least share of the baseline's skin that a photo must show",
    },
    Setting {
        key: "alignment.most_residual_fraction",
        range: (0.0, 1.0),
        summary: "largest expected error of an alignment, as a share of the photo's longer side",
    },
    Setting {
        key: "card.year",
        range: (1976.0, 2100.0),
        summary: "year in which the colour card was made; its colours changed for 2015",
    },
    Setting {
        key: "card.pitch_mm",
        range: (2.0, 100.0),
        summary: "distance of neighbouring patches on the colour card, mm",
    },
    Setting {
        key: "error.perturbed_copies",
        range: (0.0, 20.0),
        summary: "perturbed copies of the baseline that are measured; 0: published errors alone",
    },
    Setting {
        key: "error.perturbed_megapixels",
        range: (0.0, 1000.0),
        summary: "largest photo of which perturbed copies are made, megapixels",
    },
];

impl Settings {
    /// The settings in a TOML file.
    ///
    /// # Errors
    ///
    /// - [`Error::Read`] if the file cannot be read.
    /// - [`Error::Malformed`] if it is no TOML or names an unknown setting.
    /// - [`Error::OutOfRange`] if a value lies outside its range.
    pub fn read(path: &Path) -> Result<Self> {
        let text = reading::read_text(path, MOST_BYTES)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let settings: Self = toml::from_str(&text)
            .map_err(|error| Error::Malformed { path: path.to_owned(), reason: error.to_string() })?;
        settings.validate()?;
        Ok(settings)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], naming the first setting that lies outside.
    pub fn validate(&self) -> Result<()> {
        let values = self.values();
        for Setting { key, range: (least, greatest), .. } in TABLE {
            let value = lookup(&values, key).and_then(Value::as_f64);
            if !value.is_some_and(|value| (*least..=*greatest).contains(&value)) {
                return Err(Error::OutOfRange {
                    name: (*key).into(),
                    value: value.map_or("not a number".into(), |value| value.to_string()),
                    range: format!("between {least} and {greatest}"),
                });
            }
        }
        table::check(&self.repeatability)
    }

    /// The limits within which photographs are decoded.
    pub fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits { max_megapixels: self.limits.max_megapixels }
    }

    /// BLAKE3 hash of all settings, hexadecimal: equal settings, equal hash.
    pub fn hash(&self) -> String {
        blake3::hash(self.values().to_string().as_bytes()).to_hex().to_string()
    }

    /// A settings file with every default, and each setting's range and
    /// meaning in a comment.
    pub fn documented() -> String {
        let values = Self::default().values();
        let (mut text, mut section) = (String::new(), "");
        for Setting { key, range: (least, greatest), summary } in TABLE {
            let (place, name) = key.rsplit_once('.').unwrap_or(("", key));
            if place != section {
                text += &format!("\n[{place}]\n");
                section = place;
            }
            let value = lookup(&values, key).expect("the table names only settings that exist");
            text += &format!("{name} = {value}  # {least} to {greatest}: {summary}\n");
        }
        text
    }

    fn values(&self) -> Value {
        serde_json::to_value(self).expect("settings are plain numbers and sections")
    }
}

fn lookup<'a>(values: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(values, |section, name| section.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(section) => {
                let inner = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
                section.iter().for_each(|(name, value)| leaves(value, &inner(name), out));
            }
            _ => out.push(path.to_owned()),
        }
    }

    #[test]
    fn every_setting_has_a_range_and_every_range_a_setting() {
        let mut keys = Vec::new();
        leaves(&Settings::default().values(), "", &mut keys);
        assert_eq!(keys, TABLE.iter().map(|setting| setting.key).collect::<Vec<_>>());
    }

    #[test]
    fn the_documented_file_is_the_default() {
        let documented: Settings = toml::from_str(&Settings::documented()).unwrap();
        assert_eq!(documented, Settings::default());
        documented.validate().unwrap();
    }

    #[test]
    fn a_value_outside_its_range_is_named() {
        let settings = Settings { limits: Limits { max_megapixels: 0 }, ..Settings::default() };
        let message = settings.validate().unwrap_err().to_string();
        assert_eq!(message, "limits.max_megapixels is 0, but must lie between 1 and 4000");
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(toml::from_str::<Settings>("sede = 1").is_err());
    }

    #[test]
    fn another_setting_is_another_hash() {
        let other = Settings { seed: 1, ..Settings::default() };
        assert_ne!(other.hash(), Settings::default().hash());
        assert_eq!(Settings::default().hash(), Settings::default().clone().hash());
    }
}
