//! The whole order for one series: the only place that knows it.

mod colour_table;
mod following;
mod frame;
mod link;
mod looking;
mod measuring;
mod member;
mod misplacement;
mod outcomes;
mod pair;
mod perturbation;
mod pictures;
mod records;
mod series;
mod single;
mod structures;
mod telling;
mod view;

pub use colour_table::{ColourRow, card_table, unmixing_table};
pub use outcomes::SeriesOutcome;
pub use series::{PicturedSeries, analyze_series, picture_series};
pub use single::{align_photos, draw_skin, measure_photo};
pub use structures::{AccuracyRow, structure_accuracy};
