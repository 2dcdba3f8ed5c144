//! Measures how skin changes between photographs, with an error bar on every number.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use dermalapse::{batch, pipeline, settings::Settings};
//!
//! let photos = [Path::new("2026-01-10/cheek.jpg"), Path::new("2026-04-10/cheek.jpg")];
//! let patient = batch::series_of(&photos, None, None);
//! let outcome = pipeline::analyze_series(&patient.series[0], &Settings::default(), &|| {});
//! for change in outcome.view.iter().flat_map(|view| &view.changes) {
//!     println!("{} {:?} {:?}", change.metric, change.difference, change.verdict);
//! }
//! ```
//!
//! A [`Photo`](photo::Photo) is decoded upright and in sRGB. Its valid [`Skin`](skin::Skin) is found, it is aligned
//! to the baseline by a [`Transform`](alignment::Transform), and its light is matched by a
//! [`Calibration`](calibration::Calibration). A [`Canvas`](canvas::Canvas) holds the skin that all photos share; each
//! photo sees its [`Region`](region::Region)s on its own pixels, which are never warped. Metrics are read off
//! [`Maps`](metrics::Maps) as [`Estimate`](metrics::Estimate)s, whose errors follow from tiles of skin. A
//! [`series`] compares the sessions and gives each change a [`Verdict`](series::Verdict).

// In the order in which data flows: a module uses only modules above it.
pub mod error;
pub mod reading;
pub mod units;
pub mod order;
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
pub mod treatment;
pub mod session;
pub mod series;
pub mod study;
pub mod check;
pub mod settings;
pub mod source;
pub mod phantom;
pub mod report;
pub mod pipeline;
pub mod batch;
pub mod validate;
