//! The JSON Schemas of what comes out, derived from its types.

use schemars::{JsonSchema, Schema};

use crate::check::Check;
use crate::phantom::Truth;
use crate::report::alignment::Alignment;
use crate::report::measurement::{Measurement, Objects};
use crate::report::run::Run;
use crate::series::Report;
use crate::settings::Settings;
use crate::study::Study;

/// The outputs that have a schema.
pub const NAMES: &[&str] =
    &["report", "measurement", "objects", "alignment", "run", "settings", "truth", "study", "check"];

/// The JSON Schema (draft 2020-12) of an output; `None` for a name that is
/// not in [`NAMES`].
pub fn schema(name: &str) -> Option<Schema> {
    let schema = match name {
        "report" => of::<Report>(),
        "measurement" => of::<Measurement>(),
        "objects" => of::<Objects>(),
        "alignment" => of::<Alignment>(),
        "run" => of::<Run>(),
        "settings" => of::<Settings>(),
        "truth" => of::<Truth>(),
        "study" => of::<Study>(),
        "check" => of::<Check>(),
        _ => return None,
    };
    Some(schema)
}

fn of<T: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_schema_and_nothing_else_does() {
        assert!(NAMES.iter().all(|name| schema(name).is_some()));
        assert!(schema("reprot").is_none());
    }
}
