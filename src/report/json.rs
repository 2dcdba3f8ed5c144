//! JSON that is the same for the same result: stable order, rounded numbers.
//!
//! What fits on a line stands on one, so that people can read it too.
//!
//! Numbers are rounded to [`DIGITS`] significant digits, below which they
//! depend on the processor; a matrix keeps [`MATRIX_DIGITS`], because its
//! entries are multiplied by thousands of pixels.

use serde::Serialize;
use serde_json::Value;

/// Significant digits of a number.
pub const DIGITS: usize = 6;

/// Significant digits of an entry of a matrix.
pub const MATRIX_DIGITS: usize = 10;

/// The longest line that is not broken, characters.
const LINE: usize = 100;

/// The value as JSON for people and programs: indented, numbers rounded, one
/// newline at the end.
pub fn pretty(value: &impl Serialize) -> String {
    let mut tree = serde_json::to_value(value).expect("records are maps with string keys");
    round_tree(&mut tree, DIGITS);
    let mut text = String::new();
    write(&tree, 0, &mut text);
    text.push('\n');
    text
}

/// Appends `value`, whose lines are indented by `indent`.
fn write(value: &Value, indent: usize, text: &mut String) {
    let start = text.len();
    if one_line(value, start + LINE.saturating_sub(indent), text) {
        return;
    }
    match value {
        Value::Array(items) => {
            text.truncate(start);
            let items = items.iter().map(|item| (String::new(), item));
            block(['[', ']'], items, indent, text);
        }
        Value::Object(fields) => {
            text.truncate(start);
            let fields =
                fields.iter().map(|(name, field)| (format!("{}: ", Value::from(name.as_str())), field));
            block(['{', '}'], fields, indent, text);
        }
        // What cannot be broken stands on one line however long.
        _ => {}
    }
}

fn block<'a>(
    ends: [char; 2],
    parts: impl Iterator<Item = (String, &'a Value)>,
    indent: usize,
    text: &mut String,
) {
    text.push(ends[0]);
    for (index, (name, part)) in parts.enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n(' ', indent + 2));
        text.push_str(&name);
        write(part, indent + 2, text);
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
    text.push(ends[1]);
}

/// Appends `value` on one line as long as `text` then has no more than `most`
/// bytes: whether it has, or was given up.
fn one_line(value: &Value, most: usize, text: &mut String) -> bool {
    let separated = |index: usize, text: &mut String| text.push_str(if index == 0 { "" } else { ", " });
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separated(index, text);
                if !one_line(item, most, text) {
                    return false;
                }
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                separated(index, text);
                text.push_str(&format!("{}: ", Value::from(name.as_str())));
                if !one_line(field, most, text) {
                    return false;
                }
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
    text.len() <= most
}

/// `number` rounded to `digits` significant digits; never `-0`.
pub fn round(number: f64, digits: usize) -> f64 {
    let rounded: f64 = format!("{number:.*e}", digits - 1).parse().expect("a number in exponent form");
    rounded + 0.0
}

fn round_tree(value: &mut Value, digits: usize) {
    match value {
        Value::Number(number) if number.is_f64() => {
            *value = number.as_f64().map(|number| round(number, digits)).into();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| round_tree(item, digits)),
        Value::Object(fields) => {
            for (name, field) in fields {
                round_tree(field, if name == "matrix" { MATRIX_DIGITS } else { digits });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_rounded_and_a_matrix_less_so() {
        let value = json!({"value": -1.234_567_89, "matrix": [[1.234_567_891_23]], "count": 123_456_789});
        assert_eq!(
            pretty(&value),
            "{\"value\": -1.23457, \"matrix\": [[1.234567891]], \"count\": 123456789}\n"
        );
    }

    #[test]
    fn what_does_not_fit_on_a_line_is_broken_and_stays_the_same_value() {
        let value =
            json!({"a \"b\"": [[1, 2], [3, 4]], "long": vec!["ten letters"; 9], "none": [], "nothing": {}});
        let text = pretty(&value);
        assert!(
            text.starts_with(
                "{\n  \"a \\\"b\\\"\": [[1, 2], [3, 4]],\n  \"long\": [\n    \"ten letters\",\n"
            )
        );
        assert!(text.ends_with("  ],\n  \"none\": [],\n  \"nothing\": {}\n}\n"));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_rounds_to_nothing_has_no_sign() {
        assert!(round(-0.0, 6).is_sign_positive());
        assert_eq!(round(1.5e-12, 6), 1.5e-12);
        assert_eq!(round(27.100_000_4, 6), 27.1);
    }

    #[test]
    fn what_is_not_a_number_is_null() {
        assert_eq!(pretty(&f64::NAN), "null\n");
    }
}
