//! Numbers and sentences as markup.
//!
//! Every number of a page stands in a `<data>` whose value is the report's,
//! digit for digit; what is shown is that, rounded to be read.

use askama::filters::{Html, escape};

use crate::report::html::language::Words;
use crate::report::json;

/// Significant digits that are shown of a number.
const SHOWN: usize = 3;

/// Markup: text that is escaped already.
pub type Markup = String;

/// Text as markup.
pub fn text(text: &str) -> Markup {
    escape(text, Html).map(|escaped| escaped.to_string()).unwrap_or_default()
}

/// A number, shown to three digits.
pub fn number(value: f64, words: &Words) -> Markup {
    data(value, &shown(value, words))
}

/// A number with its sign, shown to three digits.
pub fn signed(value: f64, words: &Words) -> Markup {
    let sign = if value > 0.0 { "+" } else { "" };
    data(value, &format!("{sign}{}", shown(value, words)))
}

/// A number of percent with its sign, without decimals.
pub fn percent(value: f64, words: &Words) -> Markup {
    let rounded = json::round(value, json::DIGITS).round() + 0.0;
    let shown = match rounded {
        0.0 => shown(value, words),
        rounded => localised(format!("{rounded:+}"), words),
    };
    data(value, &format!("{shown} %"))
}

/// A number with every digit that the report has.
pub fn exact(value: f64, words: &Words) -> Markup {
    data(value, &localised(as_reported(value), words))
}

fn data(value: f64, shown: &str) -> Markup {
    format!("<data value=\"{}\">{shown}</data>", as_reported(value))
}

/// A number as the report has it.
pub fn as_reported(value: f64) -> String {
    json::round(value, json::DIGITS).to_string()
}

/// A number to three digits.
pub fn shown(value: f64, words: &Words) -> String {
    let value = json::round(json::round(value, json::DIGITS), SHOWN);
    localised(value.to_string(), words)
}

/// A number with the language's decimal mark and a true minus sign.
fn localised(number: String, words: &Words) -> String {
    number.replace('.', words.decimal_mark()).replace('-', "\u{2212}")
}

/// The sentence `pattern` with `{name}` filled in.
pub fn sentence(pattern: &str, parts: &[(&str, Markup)]) -> Markup {
    parts.iter().fold(text(pattern), |sentence, (name, part)| {
        // Braces are not escaped, so that they are found again.
        sentence.replace(&format!("{{{name}}}"), part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::Language;

    #[test]
    fn a_number_is_shown_short_and_kept_whole() {
        let (english, german) = (Language::English.words(), Language::German.words());
        assert_eq!(number(14.214_567_8, english), "<data value=\"14.2146\">14.2</data>");
        assert_eq!(number(-0.0123, german), "<data value=\"-0.0123\">\u{2212}0,0123</data>");
        assert_eq!(signed(2.0, english), "<data value=\"2\">+2</data>");
        assert_eq!(percent(-61.4531, german), "<data value=\"-61.4531\">\u{2212}61 %</data>");
        assert_eq!(percent(0.22, english), "<data value=\"0.22\">0.22 %</data>");
        assert_eq!(exact(1234.5, english), "<data value=\"1234.5\">1234.5</data>");
    }

    #[test]
    fn what_is_filled_in_and_what_is_not_are_both_escaped() {
        let filled = sentence("{who} & {what}", &[("who", text("<b>")), ("what", "<i>1</i>".into())]);
        assert!(!filled.contains("<b>") && filled.contains("<i>1</i>") && !filled.contains(" & "));
    }
}
