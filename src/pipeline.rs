//! The whole order for one series.
