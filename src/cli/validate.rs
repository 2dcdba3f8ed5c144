//! `dermalapse validate`.

use clap::{Args, ValueEnum};
use dermalapse::error::Error;
use dermalapse::report::json;
use dermalapse::validate::{Extent, Row, Validation, photo_count, validate};

use super::common::Common;
use super::{End, Output};

const EXAMPLES: &str = "\
Renders synthetic patients, measures them and holds the report against the truth.

Examples:
  dermalapse validate --quick
  dermalapse validate --format json > validation.json";

/// Measure how right the measurements are, on synthetic patients
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Validate {
    /// Few and small patients: under a minute on two cores
    #[arg(long)]
    quick: bool,
    /// How to print the tables
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Validate {
    pub fn run(&self) -> Result<Output, Error> {
        let settings = self.common.settings()?;
        let extent = if self.quick { Extent::Quick } else { Extent::Full };
        let bar = self.common.progress(photo_count(extent));
        let found = self.common.in_pool(|| validate(extent, &settings, &|| bar.inc(1)))??;
        bar.finish_and_clear();
        let text = match self.format {
            Format::Table => table(&found),
            Format::Json => json::pretty(&found),
        };
        Ok(Output { text, end: End::Done })
    }
}

/// One aligned table per section.
fn table(found: &Validation) -> String {
    let cells = |row: &Row| {
        let measured = row.measured.map_or("-".into(), |value| format!("{value:.3} {}", row.unit));
        let ok = row.ok.map_or("", |ok| if ok { "yes" } else { "NO" });
        [row.label.clone(), row.bar.to_string(), measured, row.n.to_string(), ok.to_owned()]
    };
    let mut text = String::new();
    for section in &found.sections {
        let head = [section.name.clone(), "bar".into(), "measured".into(), "n".into(), "ok".into()];
        let rows: Vec<[String; 5]> = std::iter::once(head).chain(section.rows.iter().map(cells)).collect();
        let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in rows {
            let line: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            text += line.join("  ").trim_end();
            text.push('\n');
        }
        text.push('\n');
    }
    text
}
