//! The words of the pages: one file per language, all with the same keys.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;

/// A language that pages can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Dutch.
    Dutch,
    /// German.
    German,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::English, Self::Dutch, Self::German];

    /// Its code, as in `<html lang>`.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dutch => "nl",
            Self::German => "de",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::English => include_str!("../../../templates/languages/en.toml"),
            Self::Dutch => include_str!("../../../templates/languages/nl.toml"),
            Self::German => include_str!("../../../templates/languages/de.toml"),
        }
    }

    /// Its words.
    pub fn words(self) -> &'static Words {
        static ALL: LazyLock<[Words; 3]> = LazyLock::new(|| Language::ALL.map(Words::of));
        &ALL[self as usize]
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let codes = Self::ALL.map(Self::code).join(", ");
        let found = Self::ALL.into_iter().find(|language| language.code() == code);
        found.ok_or_else(|| format!("there are pages in {codes} only"))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// The words of a language, by `section.key`.
#[derive(Debug)]
pub struct Words {
    language: Language,
    words: BTreeMap<String, String>,
}

impl Words {
    fn of(language: Language) -> Self {
        let sections: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(language.file()).expect("the files of words are part of the program");
        let flat = |(section, words): (String, BTreeMap<String, String>)| {
            words.into_iter().map(move |(key, word)| (format!("{section}.{key}"), word))
        };
        Self { language, words: sections.into_iter().flat_map(flat).collect() }
    }

    /// The language's code.
    pub fn code(&self) -> &'static str {
        self.language.code()
    }

    /// The words under `section.key`; the key itself where there are none.
    pub fn say<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// The words under `section.key`, if there are any.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.words.get(key).map(String::as_str)
    }

    /// The words for one of many things, such as a metric: `section.name`, or
    /// the name in plain letters where it has none yet.
    pub fn name(&self, section: &str, name: &str) -> String {
        self.find(&format!("{section}.{name}")).map_or_else(|| plain(name), str::to_owned)
    }

    /// What stands between the whole and the decimals of a number.
    pub fn decimal_mark(&self) -> &str {
        self.say("number.decimal_mark")
    }

    /// A date in words; as it stands where it is none.
    pub fn date(&self, iso: &str) -> String {
        let Ok(date) = iso.parse::<Date>() else { return iso.to_owned() };
        let month = self.say("date.months").split(' ').nth(date.month() as usize - 1).unwrap_or_default();
        self.say("date.pattern")
            .replace("{day}", &date.day().to_string())
            .replace("{month}", month)
            .replace("{year}", &date.year().to_string())
    }
}

/// A name of the program in plain letters.
fn plain(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue;

    #[test]
    fn every_language_has_the_words_of_every_other() {
        let keys = |language: Language| language.words().words.keys().cloned().collect::<Vec<_>>();
        for language in Language::ALL {
            assert_eq!(keys(language), keys(Language::English), "{language}");
            let empty = language.words().words.iter().find(|(_, word)| word.trim().is_empty());
            assert_eq!(empty, None, "{language}");
        }
    }

    #[test]
    fn placeholders_are_the_same_in_every_language() {
        let holders = |text: &str| {
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            found.sort();
            found
        };
        for (key, english) in &Language::English.words().words {
            for language in Language::ALL {
                assert_eq!(holders(language.words().say(key)), holders(english), "{language}: {key}");
            }
        }
    }

    #[test]
    fn every_metric_and_its_unit_has_words() {
        for metric in catalogue() {
            let words = Language::English.words();
            assert!(words.find(&format!("metric.{}", metric.id)).is_some(), "{}", metric.id);
            assert!(words.find(&format!("unit.{}", metric.unit)).is_some(), "{}", metric.unit);
            assert!(words.find(&format!("concern.{}", metric.family.name())).is_some(), "{}", metric.id);
        }
    }

    #[test]
    fn what_the_templates_say_has_words() {
        let templates = [
            include_str!("../../../templates/patient.html"),
            include_str!("../../../templates/index.html"),
            include_str!("../../../templates/compare.html"),
            include_str!("../../../templates/context.html"),
            include_str!("../../../templates/trust.html"),
        ];
        for template in templates {
            for rest in template.split("say(\"").skip(1) {
                let key = rest.split('"').next().unwrap();
                assert!(Language::English.words().find(key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn dates_are_written_as_they_are_said() {
        let said = Language::ALL.map(|language| language.words().date("2026-04-10"));
        assert_eq!(said, ["10 April 2026", "10 april 2026", "10. April 2026"]);
        assert_eq!(Language::English.words().date("after"), "after");
    }
}
