//! Single photographs: how right colour and structure are, beside the change of them.

use super::{Bar, Extent, Row, Section};
use crate::error::Result;
use crate::metrics::ibsi;
use crate::phantom::PatientPlan;
use crate::pipeline::{ColourRow, card_table, structure_accuracy, unmixing_table};

/// How the indices of melanin and blood follow melanin and blood.
pub fn colour() -> Section {
    Section::new("colour: telling melanin from blood", unmixing_table().iter().map(of_colour).collect())
}

/// How right skin's colour is after correction by a card in the photo.
///
/// # Errors
///
/// Those of rendering a photo.
pub fn card(extent: Extent) -> Result<Section> {
    let photos = match extent {
        Extent::Smallest => 1,
        Extent::Quick => 2,
        Extent::Full => 8,
    };
    let rows = card_table(photos)?;
    Ok(Section::new("colour: skin corrected by a card", rows.iter().map(of_colour).collect()))
}

fn of_colour(row: &ColourRow) -> Row {
    let bar = if row.more { Bar::at_least(row.goal) } else { Bar::at_most(row.goal) };
    let label = match row.low {
        Some(true) => format!("{} (or low confidence, which it has)", row.what),
        Some(false) => format!("{} (or low confidence, which it has not)", row.what),
        None => row.what.clone(),
    };
    Row { ok: Some(row.reached()), ..Row::new(label, bar, Some(row.seen), "", 1) }
}

/// How much of what structure there is, is found, and at its size.
///
/// # Errors
///
/// Those of rendering a photo.
pub fn structures(extent: Extent, seed: u64) -> Result<Section> {
    let tones: &[f64] = match extent {
        Extent::Smallest | Extent::Quick => &[0.03],
        Extent::Full => &[0.012, 0.03, 0.10, 0.22],
    };
    // Apart from the seeds of the patients that changes are measured on.
    let plan = PatientPlan { seed: seed.wrapping_mul(1000).wrapping_add(401), ..PatientPlan::default() };
    let rows = structure_accuracy(&plan, tones)?;
    let row = |row: &crate::pipeline::AccuracyRow| {
        Row::new(format!("{}: {}", row.section, row.quantity), Bar::NONE, Some(row.value), row.unit, 1)
    };
    // What it says of texture stands in a table of its own.
    Ok(Section::new("structures", rows.iter().filter(|row| row.section != "texture").map(row).collect()))
}

/// Texture features beside the values that the IBSI publishes.
pub fn texture() -> Section {
    let agreement = ibsi::agreement();
    let share = |aggregation: &str| {
        let of = agreement.iter().filter(|row| row.aggregation == aggregation);
        let agrees: Vec<bool> = of.map(|row| row.agrees).collect();
        Row::share(
            format!("IBSI features right to every published digit, {aggregation}"),
            Bar::at_least(100.0),
            &agrees,
        )
    };
    Section::new("texture", vec![share("averaged"), share("merged")])
}
