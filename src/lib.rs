//! Measures how skin changes between photographs, with an error bar on every number.

// In the order in which data flows: a module uses only modules above it.
pub mod calibration;
pub mod color;
pub mod error;
pub mod filter;
pub mod photo;
pub mod quality;
pub mod raster;
pub mod skin;
pub mod units;
