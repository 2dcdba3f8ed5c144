//! Statistics of repeated measurements: how much a value varies by itself,
//! what a difference must exceed, how fast a series moves, how groups of
//! patients differ, and how well repeats agree.

pub mod agreement;
pub mod effect_size;
pub mod intervals;
pub mod mixed_model;
pub mod multiplicity;
pub mod ranks;
pub mod ratio;
#[cfg(test)]
mod reference;
pub mod repeatability;
pub mod table;
pub mod trend;

pub use intervals::Uncertain;
pub use multiplicity::benjamini_hochberg;
pub use ratio::Amounts;
pub use repeatability::{CaptureError, ErrorSource, Listed, Perturbed, Repeatability};
pub use trend::{Slope, theil_sen};
