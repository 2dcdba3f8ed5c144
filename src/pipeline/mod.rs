//! The whole order for one series: the only place that knows it.

mod frame;
mod link;
mod measuring;
mod misplacement;
mod pair;
mod records;
mod series;
mod single;
mod structures;

pub use series::{SeriesOutcome, analyze_series};
pub use single::{align_photos, measure_photo};
pub use structures::{AccuracyRow, structure_accuracy};
