//! The pages that people look at: one per patient, and one of all patients.
//!
//! Each is one file that needs nothing else: pictures, style and script are
//! in it, and its Content-Security-Policy lets nothing else in.

mod chart;
mod compare;
mod concern;
mod context;
mod index;
mod language;
mod number;
mod page;
mod policy;
mod trust;

pub use index::index_page;
pub use language::Language;
pub use page::patient_page;
