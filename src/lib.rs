//! Measures how skin changes between photographs, with an error bar on every number.

// In the order in which data flows: a module uses only modules above it.
pub mod error;
pub mod units;
pub mod raster;
pub mod color;
pub mod filter;
pub mod photo;
pub mod calibration;
pub mod skin;
pub mod quality;
pub mod alignment;
pub mod region;
pub mod canvas;
pub mod metrics;
pub mod lesion;
pub mod statistics;
pub mod session;
pub mod series;
pub mod settings;
pub mod source;
pub mod phantom;
pub mod report;
pub mod pipeline;
pub mod batch;
