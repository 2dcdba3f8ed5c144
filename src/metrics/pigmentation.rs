//! Pigmentation: melanin in the skin, from colour.

use crate::metrics::Metric;

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[];
