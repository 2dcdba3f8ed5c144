//! The long-form tables: one row per value, one row per change.
//!
//! CSV for spreadsheets, Parquet for everything else. A text cell of the CSV
//! that a spreadsheet would take for a formula starts with an apostrophe.

use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::error::{Error, Result};
use crate::metrics;
use crate::report::files::{OutputFolder, Pending, failed};
use crate::report::json;
use crate::series::{Change, Report, View};
use crate::session::{ComparableStatus, Confidence, MetricRecord, Session};

/// Columns of `measurements.csv`, and of `measurements.parquet`.
const MEASUREMENT_COLUMNS: [&str; 10] =
    ["patient", "session", "day", "view", "region", "metric", "value", "standard_error", "unit", "flag"];

/// Columns of `changes.csv`.
const CHANGE_COLUMNS: [&str; 14] = [
    "patient",
    "view",
    "region",
    "metric",
    "from",
    "to",
    "difference",
    "percent",
    "ci95_low",
    "ci95_high",
    "mdc95",
    "unit",
    "verdict",
    "reason",
];

/// The columns of `measurements.parquet`, with their types.
const MEASUREMENT_MESSAGE: &str = "message measurements {
    required binary patient (string);
    required binary session (string);
    optional int64 day;
    required binary view (string);
    required binary region (string);
    required binary metric (string);
    optional double value;
    optional double standard_error;
    required binary unit (string);
    required binary flag (string);
}";

/// Rows of a row group: what is held in memory before it is written.
const ROWS_IN_GROUP: usize = 65_536;

/// A row of the table of measurements.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    patient: String,
    session: String,
    day: Option<i64>,
    view: String,
    region: String,
    metric: String,
    value: Option<f64>,
    standard_error: Option<f64>,
    unit: String,
    flag: String,
}

/// The tables of a run, written report by report.
pub struct Tables {
    measurements: csv::Writer<Pending>,
    changes: csv::Writer<Pending>,
    columns: SerializedFileWriter<Pending>,
    waiting: Vec<Row>,
}

impl Tables {
    /// Starts the tables in `output`. Earlier ones stay until [`Tables::finish`].
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn create(output: &OutputFolder) -> Result<Self> {
        Ok(Self {
            measurements: csv_table(output, "measurements.csv", &MEASUREMENT_COLUMNS)?,
            changes: csv_table(output, "changes.csv", &CHANGE_COLUMNS)?,
            columns: parquet_table(output)?,
            waiting: Vec::new(),
        })
    }

    /// Adds the rows of one patient's report.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn add(&mut self, report: &Report) -> Result<()> {
        for view in &report.views {
            for row in view.sessions.iter().flat_map(|session| rows(&report.patient.id, view, session)) {
                write_row(&mut self.measurements, &cells(&row))?;
                self.waiting.push(row);
            }
            for change in &view.changes {
                write_row(&mut self.changes, &change_cells(&report.patient.id, view, change))?;
            }
        }
        if self.waiting.len() >= ROWS_IN_GROUP { self.write_group() } else { Ok(()) }
    }

    /// Puts all tables in their place.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<()> {
        self.write_group()?;
        for table in [self.measurements, self.changes] {
            let path = table.get_ref().path().to_owned();
            table.into_inner().map_err(|error| failed(&path)(error.into_error()))?.commit()?;
        }
        let path = self.columns.inner().path().to_owned();
        self.columns.into_inner().map_err(|error| failed(&path)(io::Error::other(error)))?.commit()
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        let path = self.columns.inner().path().to_owned();
        let mut write = || {
            let mut group = self.columns.next_row_group()?;
            write_columns(&mut group, &rows)?;
            group.close().map(|_| ())
        };
        if rows.is_empty() {
            return Ok(());
        }
        write().map_err(|error| Error::Write { path, source: io::Error::other(error) })
    }
}

fn csv_table(output: &OutputFolder, name: &str, columns: &[&str]) -> Result<csv::Writer<Pending>> {
    let mut table = csv::Writer::from_writer(Pending::create(&output.file(name))?);
    write_row(&mut table, columns)?;
    Ok(table)
}

fn parquet_table(output: &OutputFolder) -> Result<SerializedFileWriter<Pending>> {
    let pending = Pending::create(&output.file("measurements.parquet"))?;
    let path = pending.path().to_owned();
    let schema = parse_message_type(MEASUREMENT_MESSAGE).expect("the message is well-formed");
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!(env!("CARGO_PKG_NAME"), " version ", env!("CARGO_PKG_VERSION")).into())
        .build();
    SerializedFileWriter::new(pending, Arc::new(schema), Arc::new(properties))
        .map_err(|error| failed(&path)(io::Error::other(error)))
}

fn write_row(table: &mut csv::Writer<Pending>, cells: &[impl AsRef<[u8]>]) -> Result<()> {
    table.write_record(cells).map_err(|error| failed(table.get_ref().path())(io::Error::other(error)))
}

fn rows<'a>(patient: &'a str, view: &'a View, session: &'a Session) -> impl Iterator<Item = Row> + 'a {
    session.regions.iter().flat_map(move |region| {
        region.metrics.iter().map(move |(metric, record)| Row {
            patient: patient.to_owned(),
            session: session.session.clone(),
            day: session.day,
            view: view.view.clone(),
            region: region.region.clone(),
            metric: metric.clone(),
            value: record.value,
            standard_error: record.standard_error,
            unit: record.unit.clone(),
            flag: flag(session, record),
        })
    })
}

/// What to know before using a value, joined by `;`; empty if nothing.
fn flag(session: &Session, record: &MetricRecord) -> String {
    let comparable = match session.comparable.status {
        ComparableStatus::Yes => None,
        ComparableStatus::No => Some("not_comparable"),
        ComparableStatus::Partly => Some("partly_comparable"),
    };
    let confidence = match record.confidence {
        Some(Confidence::Low) => Some("low_confidence"),
        Some(Confidence::Medium) => Some("medium_confidence"),
        Some(Confidence::High) | None => None,
    };
    let notes = [record.reason.as_deref(), comparable, confidence];
    notes.into_iter().flatten().collect::<Vec<_>>().join(";")
}

fn cells(row: &Row) -> [String; 10] {
    [
        text(&row.patient),
        text(&row.session),
        row.day.map(|day| day.to_string()).unwrap_or_default(),
        text(&row.view),
        text(&row.region),
        text(&row.metric),
        number(row.value),
        number(row.standard_error),
        text(&row.unit),
        text(&row.flag),
    ]
}

fn change_cells(patient: &str, view: &View, change: &Change) -> [String; 14] {
    let verdict = serde_json::to_value(change.verdict).expect("a verdict is a word");
    [
        text(patient),
        text(&view.view),
        text(&change.region),
        text(&change.metric),
        text(&change.from),
        text(&change.to),
        number(change.difference),
        number(change.percent),
        number(change.ci95.map(|[low, _]| low)),
        number(change.ci95.map(|[_, high]| high)),
        number(change.mdc95),
        text(metrics::metric(&change.metric).map_or("", |metric| metric.unit)),
        text(verdict.as_str().unwrap_or_default()),
        text(change.reason.as_deref().unwrap_or_default()),
    ]
}

/// A cell of text that no spreadsheet takes for a formula.
pub(super) fn text(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

pub(super) fn number(value: Option<f64>) -> String {
    value.map(|value| json::round(value, json::DIGITS).to_string()).unwrap_or_default()
}

type Group<'a> = SerializedRowGroupWriter<'a, Pending>;

fn write_columns(group: &mut Group<'_>, rows: &[Row]) -> Result<(), ParquetError> {
    text_column(group, rows, |row| &row.patient)?;
    text_column(group, rows, |row| &row.session)?;
    optional_column::<Int64Type>(group, rows, |row| row.day)?;
    text_column(group, rows, |row| &row.view)?;
    text_column(group, rows, |row| &row.region)?;
    text_column(group, rows, |row| &row.metric)?;
    let rounded = |value: f64| json::round(value, json::DIGITS);
    optional_column::<DoubleType>(group, rows, |row| row.value.map(rounded))?;
    optional_column::<DoubleType>(group, rows, |row| row.standard_error.map(rounded))?;
    text_column(group, rows, |row| &row.unit)?;
    text_column(group, rows, |row| &row.flag)
}

fn text_column(group: &mut Group<'_>, rows: &[Row], of: impl Fn(&Row) -> &str) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(of(row))).collect();
    column::<ByteArrayType>(group, &values, None)
}

fn optional_column<T: DataType>(
    group: &mut Group<'_>,
    rows: &[Row],
    of: impl Fn(&Row) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = rows.iter().filter_map(&of).collect();
    let present: Vec<i16> = rows.iter().map(|row| i16::from(of(row).is_some())).collect();
    column::<T>(group, &values, Some(&present))
}

/// Writes the next column; `present` is 1 for each row that has a value.
fn column<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut writer = group.next_column()?.expect("a column for each in the message");
    writer.typed::<T>().write_batch(values, present, None)?;
    writer.close()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    #[test]
    fn a_cell_that_would_be_a_formula_is_text() {
        for cell in ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1"] {
            assert_eq!(text(cell), format!("'{cell}"));
        }
        assert_eq!(text("P-001"), "P-001");
        assert_eq!(number(Some(-2.1)), "-2.1");
        assert_eq!(number(None), "");
    }

    /// A report with one value, one absent value and one change.
    fn report() -> Report {
        serde_json::from_value(serde_json::json!({
            "schema": "dermalapse.report/1",
            "tool": {"name": "dermalapse", "version": "0", "settings_hash": ""},
            "patient": {"id": "=P1", "arm": null, "treatments": []},
            "warnings": [],
            "views": [{
                "view": "cheek", "baseline": "2026-01-10", "scale": {"px_per_mm": null, "source": "none"},
                "trends": [], "lesions": [],
                "changes": [{"region": "skin", "metric": "redness.a_star_mean", "from": "2026-01-10",
                    "to": "2026-04-10", "difference": -2.1, "percent": null, "ci95": [-2.9, -1.3],
                    "mdc95": 1.1, "verdict": "improved", "reason": null}],
                "sessions": [{
                    "session": "2026-01-10", "date": "2026-01-10", "day": 0, "photos": [],
                    "quality": {"usable": true, "sharpness": 0.8, "clipped_fraction": 0.0,
                        "glare_fraction": 0.0, "warnings": []},
                    "calibration": {"method": "none", "delta_e_2000": null},
                    "alignment": {"status": "baseline", "reason": null, "matrix": null, "residual_px": null,
                        "overlap_fraction": null},
                    "comparable": {"status": "partly", "reasons": []},
                    "regions": [{"region": "skin", "area_mm2": null, "area_px": 12.0, "metrics": {
                        "pores.density_per_cm2": {"value": null, "reason": "no_scale", "unit": "1/cm^2"},
                        "redness.a_star_mean": {"value": 14.21, "standard_error": 0.18, "unit": "CIELAB a*",
                            "confidence": "low"}}}]
                }]
            }]
        }))
        .unwrap()
    }

    #[test]
    fn every_table_holds_the_rows_of_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(folder.path()).unwrap();
        let mut tables = Tables::create(&output).unwrap();
        tables.add(&report()).unwrap();
        tables.finish().unwrap();
        let text = |name: &str| std::fs::read_to_string(output.file(name)).unwrap();
        assert_eq!(
            text("measurements.csv"),
            "patient,session,day,view,region,metric,value,standard_error,unit,flag\n\
             '=P1,2026-01-10,0,cheek,skin,pores.density_per_cm2,,,1/cm^2,no_scale;partly_comparable\n\
             '=P1,2026-01-10,0,cheek,skin,redness.a_star_mean,14.21,0.18,CIELAB a*,\
             partly_comparable;low_confidence\n"
        );
        assert_eq!(
            text("changes.csv").lines().nth(1).unwrap(),
            "'=P1,cheek,skin,redness.a_star_mean,2026-01-10,2026-04-10,-2.1,,-2.9,-1.3,1.1,CIELAB a*,improved,"
        );
        let file = std::fs::File::open(output.file("measurements.parquet")).unwrap();
        let rows: Vec<String> = SerializedFileReader::new(file)
            .unwrap()
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().to_string())
            .collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].contains("patient: \"=P1\"") && rows[0].contains("value: null"), "{}", rows[0]);
        assert!(rows[1].contains("value: 14.21") && rows[1].contains("day: 0"), "{}", rows[1]);
    }

    #[test]
    fn the_parquet_columns_are_those_of_the_csv() {
        let message = parse_message_type(MEASUREMENT_MESSAGE).unwrap();
        let names: Vec<_> = message.get_fields().iter().map(|field| field.name().to_owned()).collect();
        assert_eq!(names, MEASUREMENT_COLUMNS);
    }
}
