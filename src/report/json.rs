//! JSON that is the same for the same result: stable order, rounded numbers.
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

/// The value as JSON for people and programs: indented, numbers rounded, one
/// newline at the end.
pub fn pretty(value: &impl Serialize) -> String {
    let mut tree = serde_json::to_value(value).expect("records are maps with string keys");
    round_tree(&mut tree, DIGITS);
    format!("{tree:#}\n")
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
        let text = pretty(&value);
        assert!(text.contains("-1.23457") && text.contains("1.234567891\n") && text.contains("123456789"));
        assert!(text.ends_with("}\n"));
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
