//! The whole order for one series: the only place that knows it.

mod frame;
mod link;
mod measuring;
mod pair;
mod records;
mod series;
mod single;

pub use series::{SeriesOutcome, analyze_series};
pub use single::{align_photos, draw_skin, measure_photo};
