//! The whole order for one series: the only place that knows it.

mod frame;
mod link;
mod measuring;
mod misplacement;
mod pair;
mod perturbation;
mod records;
mod series;
mod single;

pub use series::{SeriesOutcome, analyze_series};
pub use single::{align_photos, measure_photo};
