//! Structures are found where they are, and are as large as they are: a small
//! table on synthetic skin. `validate` prints the large one.

use dermalapse::phantom::{PatientPlan, SkinPlan};
use dermalapse::pipeline::structure_accuracy;

#[test]
fn structures_of_light_and_medium_skin_are_found() {
    let skin = SkinPlan { papules_per_cm2: 0.15, ..SkinPlan::default() };
    let plan = PatientPlan { width: 1000, height: 800, seed: 77, skin, ..PatientPlan::default() };
    let rows = structure_accuracy(&plan, &[0.015, 0.06]).unwrap();
    let values = |quantity: &str| -> Vec<f64> {
        let found: Vec<f64> =
            rows.iter().filter(|row| row.quantity.starts_with(quantity)).map(|row| row.value).collect();
        assert!(!found.is_empty(), "{quantity}");
        found
    };
    let table = || {
        rows.iter()
            .map(|row| format!("{}: {}: {:.3} {}\n", row.section, row.quantity, row.value, row.unit))
            .collect::<String>()
    };
    let all = |quantity: &str, good: fn(f64) -> bool| {
        assert!(values(quantity).into_iter().all(good), "{quantity}\n{}", table());
    };
    all("F1 from 0.22 mm", |f1| f1 >= 0.9);
    all("median absolute error of the diameter", |error| error <= 35.0);
    all("median error of the diameter", |bias| bias.abs() <= 30.0);
    all("precision of length", |precision| precision >= 0.8);
    all("IBSI features", |count| count == 46.0);
}
