//! `dermalapse metrics`.

use clap::{Args, ValueEnum};
use dermalapse::metrics::{Better, Metric, catalogue};
use dermalapse::report::json;
use serde::Serialize;

use super::{End, Output};

/// List what is measured: unit, range, better direction
#[derive(Args)]
pub struct Metrics {
    /// How to print the catalogue
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// An entry of the catalogue, as it is printed.
#[derive(Serialize)]
struct Entry {
    id: &'static str,
    family: &'static str,
    unit: &'static str,
    range: &'static str,
    direction: Option<&'static str>,
    needs: Vec<&'static str>,
    ratio_scale: bool,
    summary: &'static str,
    source: &'static str,
}

impl Entry {
    fn new(metric: &Metric) -> Self {
        let direction = metric.better.map(|better| match better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        });
        Self {
            id: metric.id,
            family: metric.family.name(),
            unit: metric.unit,
            range: metric.range,
            direction,
            needs: if metric.needs_scale { vec!["scale"] } else { Vec::new() },
            ratio_scale: metric.ratio_scale,
            summary: metric.summary,
            source: metric.source,
        }
    }

    fn cells(&self) -> [String; 6] {
        let better = self.direction.map_or("-".into(), |direction| format!("{direction} is better"));
        let needs = if self.needs.is_empty() { "-".into() } else { self.needs.join(", ") };
        [self.id.into(), self.unit.into(), self.range.into(), better, needs, self.source.into()]
    }
}

impl Metrics {
    pub fn run(&self) -> Output {
        let entries: Vec<Entry> = catalogue().map(Entry::new).collect();
        let text = match self.format {
            Format::Table => table(&entries),
            Format::Json => json::pretty(&entries),
        };
        Output { text, end: End::Done }
    }
}

fn table(entries: &[Entry]) -> String {
    let header = ["id", "unit", "range", "direction", "needs", "source"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(entries.iter().map(Entry::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
