//! What comes out: JSON and its schema, tables, and the files they stand in.

pub mod alignment;
pub mod files;
pub mod json;
pub mod measurement;
pub mod run;
pub mod schema;
pub mod tables;

use crate::series::Tool;
use crate::settings::Settings;

/// This program, under these settings, as every output names it.
pub fn tool(settings: &Settings) -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        settings_hash: settings.hash(),
    }
}
