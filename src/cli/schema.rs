//! `dermalapse schema`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use dermalapse::report::{json, schema};

use super::{End, Output};

/// Print the JSON Schema of an output
#[derive(Args)]
pub struct Schema {
    /// Which output
    #[arg(default_value = "report", value_parser = PossibleValuesParser::new(schema::NAMES))]
    name: String,
}

impl Schema {
    pub fn run(&self) -> Output {
        let schema = schema::schema(&self.name).expect("the parser lets only names with a schema through");
        Output { text: json::pretty(&schema), end: End::Done }
    }
}
