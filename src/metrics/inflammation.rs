//! Not measured yet.

use crate::metrics::Metric;

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[];
