//! Measures how skin changes between photographs, with an error bar on every number.

// In the order in which data flows: a module uses only modules above it.
pub mod color;
pub mod error;
pub mod filter;
pub mod metrics;
pub mod phantom;
pub mod raster;
pub mod region;
pub mod series;
pub mod session;
pub mod units;
