//! How far a number may move.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How far a number may lie from the golden one: as far as the widest of
/// these allows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// In the number's own unit. Default: 0.
    pub absolute: f64,
    /// As a share of the golden number. Default: 0.
    pub relative: f64,
    /// In standard errors of the golden number, where it has one. Default: 0.
    pub standard_errors: f64,
}

impl Tolerance {
    /// The distance that is allowed from `golden`, whose standard error is
    /// given if it has one.
    ///
    /// ```
    /// use dermalapse::check::Tolerance;
    /// let tolerance = Tolerance { absolute: 0.1, relative: 0.02, standard_errors: 0.5 };
    /// assert_eq!(tolerance.allowed(-10.0, None), 0.2);
    /// assert_eq!(tolerance.allowed(-10.0, Some(1.0)), 0.5);
    /// ```
    pub fn allowed(&self, golden: f64, standard_error: Option<f64>) -> f64 {
        let within_error = self.standard_errors * standard_error.unwrap_or(0.0);
        self.absolute.max(self.relative * golden.abs()).max(within_error)
    }

    fn is_sound(&self) -> bool {
        [self.absolute, self.relative, self.standard_errors]
            .iter()
            .all(|part| part.is_finite() && *part >= 0.0)
    }
}

/// Tolerances by name: a metric's id, a family such as `texture.*`, a part of
/// the report such as `lesions`, or one of its keys such as `lesions.dose`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    named: BTreeMap<String, Tolerance>,
    /// Names that came from a file, which should all meet something.
    pub(super) asked: Vec<String>,
}

/// What the rest is held to.
const DEFAULT: &str = "default";

impl Default for Tolerances {
    /// What the same program on another processor stays within: last bits
    /// that differ move a report's sixth digit, and the rim of an object by a
    /// pixel's share.
    fn default() -> Self {
        let all = Tolerance { absolute: 1e-9, relative: 1e-4, standard_errors: 0.01 };
        let pixels = Tolerance { absolute: 0.05, relative: 0.0, standard_errors: 0.0 };
        let named = [
            (DEFAULT, all),
            ("alignment.matrix", pixels),
            ("lesions.x_px", pixels),
            ("lesions.y_px", pixels),
        ];
        Self { named: named.map(|(name, part)| (name.to_owned(), part)).into(), asked: Vec::new() }
    }
}

impl Tolerances {
    /// The default tolerances under those of a TOML file, whose tables are
    /// named as [`Tolerances`] says, or `default`.
    ///
    /// # Errors
    ///
    /// - [`Error::Read`] if it cannot be read.
    /// - [`Error::Malformed`] if it is no such file or a number is negative.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|reason| Error::Malformed { path: path.to_owned(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let given: BTreeMap<String, Tolerance> = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some((name, _)) = given.iter().find(|(_, tolerance)| !tolerance.is_sound()) {
            return Err(format!("the tolerances of {name} must be numbers of at least 0"));
        }
        let asked = given.keys().filter(|name| *name != DEFAULT).cloned().collect();
        let mut named = Self::default().named;
        named.extend(given);
        Ok(Self { named, asked })
    }

    /// The tolerance of a key of a topic, and the name that it was found
    /// under: the closest of `topic.key`, `topic`, `family.*` and `default`.
    pub(super) fn of(&self, topic: &str, key: &str) -> (Tolerance, &str) {
        let family = topic.split('.').next().unwrap_or_default();
        let names = [format!("{topic}.{key}"), topic.to_owned(), format!("{family}.*"), DEFAULT.to_owned()];
        let found = names.iter().find_map(|name| self.named.get_key_value(name));
        found.map_or((Tolerance::default(), DEFAULT), |(name, tolerance)| (*tolerance, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_counts_and_replaces_the_others() {
        let text =
            "['texture.*']\nrelative = 0.5\n['texture.anisotropy']\nabsolute = 2\n[lesions]\nrelative = 0.1";
        let all = Tolerances::parse(text).unwrap();
        let name = |topic: &str, key: &str| all.of(topic, key).1.to_owned();
        assert_eq!(name("texture.anisotropy", "value"), "texture.anisotropy");
        assert_eq!(name("texture.glcm_contrast", "value"), "texture.*");
        assert_eq!(
            (name("lesions", "dose"), name("lesions", "x_px")),
            ("lesions".into(), "lesions.x_px".into())
        );
        assert_eq!(name("redness.a_star_mean", "value"), "default");
        assert_eq!(all.of("texture.anisotropy", "value").0.allowed(100.0, Some(100.0)), 2.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in
            ["[default]\nabsolute = -1", "[default]\nrelativ = 1", "default = 1", "[default]\nrelative = nan"]
        {
            assert!(Tolerances::parse(text).is_err(), "{text}");
        }
    }
}
