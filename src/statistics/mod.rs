//! Statistics of repeated measurements: how much a value varies by itself,
//! what a difference must exceed, and how fast a series moves.

pub mod intervals;
pub mod multiplicity;
pub mod repeatability;
pub mod table;
pub mod trend;

pub use intervals::Uncertain;
pub use multiplicity::benjamini_hochberg;
pub use repeatability::{CaptureError, ErrorSource, Listed, Perturbed, Repeatability};
pub use trend::{Slope, theil_sen};
