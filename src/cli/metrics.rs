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

/// What users ask of a photo that it cannot carry, in the catalogue's order:
/// id, what would carry it, and why a photo does not.
const NOT_MEASURABLE: &[[&str; 3]] = &[
    [
        "relief.depth",
        "stereo photos or structured light",
        "one photo shows shading, and the same shading fits many depths of scars, wrinkles and pores",
    ],
    [
        "relief.roughness",
        "stereo photos or structured light",
        "Ra and Rz are statistics of heights, which one photo does not hold; texture.* are contrasts",
    ],
    ["skin.firmness", "suction or indentation", "mechanical: a force and the displacement that it causes"],
    [
        "skin.hydration",
        "corneometry, evaporimetry",
        "electrical, or a flow of vapour: water hardly absorbs the light that a camera sees",
    ],
    ["skin.sebum", "sebumetry", "shine depends on light and angle as much as on oil"],
    [
        "skin.thickness",
        "ultrasound or microscopy",
        "collagen and thickness lie below the surface, without colour",
    ],
    ["pigmentation.uv_spots", "an ultraviolet photo", "pigment that only ultraviolet light brings out"],
    [
        "skin.porphyrins",
        "fluorescence under violet light",
        "ordinary light does not excite their fluorescence",
    ],
    [
        "skin.chromophore_concentration",
        "spectrometry",
        "three broad bands and unknown optics give relative densities, not amounts of melanin or hemoglobin",
    ],
    ["skin.age", "nothing", "an opinion fitted to other people, not a quantity of this skin"],
    ["skin.diagnosis", "a professional", "a judgement, not a measurement"],
];

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
    measurable: bool,
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
            measurable: true,
        }
    }

    /// What a photo cannot carry, with why.
    fn not_measurable(&[id, needs, why]: &[&'static str; 3]) -> Self {
        Self {
            id,
            family: id.split('.').next().unwrap_or(id),
            unit: "-",
            range: "-",
            direction: None,
            needs: vec![needs],
            ratio_scale: false,
            summary: why,
            source: "-",
            measurable: false,
        }
    }

    fn cells(&self) -> [String; 6] {
        let better = self.direction.map_or("-".into(), |direction| format!("{direction} is better"));
        let needs = if self.needs.is_empty() { "-".into() } else { self.needs.join(", ") };
        [self.id.into(), self.unit.into(), self.range.into(), better, needs, self.source.into()]
    }

    fn limits(&self) -> [String; 3] {
        [self.id.into(), self.needs.join(", "), self.summary.into()]
    }
}

impl Metrics {
    pub fn run(&self) -> Output {
        let entries: Vec<Entry> = catalogue().map(Entry::new).collect();
        let beyond: Vec<Entry> = NOT_MEASURABLE.iter().map(Entry::not_measurable).collect();
        let text = match self.format {
            Format::Table => {
                let header = ["id", "unit", "range", "direction", "needs", "source"].map(str::to_owned);
                let limits = ["not measurable on a photo", "needs", "why"].map(str::to_owned);
                let measured = table(header, entries.iter().map(Entry::cells));
                measured + "\n" + &table(limits, beyond.iter().map(Entry::limits))
            }
            Format::Json => json::pretty(&entries.iter().chain(&beyond).collect::<Vec<_>>()),
        };
        Output { text, end: End::Done }
    }
}

/// Lines of cells, each column as wide as its widest cell.
fn table<const N: usize>(header: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
