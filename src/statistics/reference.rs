//! Values by SciPy, statsmodels and pingouin, for tests.

use serde_json::Value;

/// A part of `fixtures/reference/group_statistics.json`, case by case.
pub fn reference(part: &str) -> Vec<(String, Value)> {
    let mut all = all();
    let cases = all[part].take();
    cases.as_object().unwrap().iter().map(|(name, case)| (name.clone(), case.clone())).collect()
}

/// The whole file.
pub fn all() -> Value {
    serde_json::from_str(include_str!("../../fixtures/reference/group_statistics.json")).unwrap()
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// An interval, if there is one.
pub fn ends(value: &Value) -> Option<[f64; 2]> {
    value.is_array().then(|| numbers(value).try_into().unwrap())
}

/// Fails unless two numbers agree to one part in ten million.
pub fn close(found: f64, expected: f64, name: &str) {
    assert!((found - expected).abs() <= 1e-7 * expected.abs().max(1e-3), "{name}: {found}, not {expected}");
}
