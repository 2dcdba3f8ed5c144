//! Filters on `f32` planes: the only door to `imageproc`'s filters.
//!
//! Sizes are in pixels; callers convert from millimetres. Everything is
//! symmetric under flips and quarter turns, and gives the same bits whatever
//! the number of threads: rows are independent of each other.

pub mod background;
pub mod blobs;
pub mod components;
pub mod contours;
pub mod gaussian;
mod lengthening;
pub mod morphology;
pub mod moving_median;
pub mod resample;
pub mod ridges;
pub mod scale_space;
mod tracking;
