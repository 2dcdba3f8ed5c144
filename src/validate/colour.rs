//! How right colours are: the indices on drawn skin, and skin beside a card.

use crate::error::Result;
use crate::pipeline::{ColourRow, card_table, unmixing_table};
use crate::validate::{Bar, Extent, Row, Section};

/// The table of the indices, of a row for each tone, and of skin beside a card.
pub fn section(extent: Extent) -> Result<Section> {
    let photos = match extent {
        Extent::Smallest => 1,
        Extent::Quick => 4,
        Extent::Full => 24,
    };
    let tissues = unmixing_table().into_iter().map(|row| line(row, 1));
    let cards = card_table(photos)?.into_iter().map(|row| line(row, photos));
    Ok(Section::new("colour", tissues.chain(cards).collect()))
}

fn line(row: ColourRow, n: usize) -> Row {
    let bar = if row.more { Bar::at_least(row.goal) } else { Bar::at_most(row.goal) };
    Row::new(row.what, bar, row.seen.is_finite().then_some(row.seen), "", n)
}
