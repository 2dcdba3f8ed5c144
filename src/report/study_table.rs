//! A study as one table: a row for each question asked.

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::report::files::{failed, write};
use crate::report::tables::{number, text};
use crate::study::Study;
use crate::study::records::{Change, Contrast, Estimated, MetricStudy, Term, Tested};

/// Columns of the table. `versus` is the arm that `arm` is compared with.
const COLUMNS: [&str; 28] = [
    "question",
    "view",
    "region",
    "metric",
    "primary",
    "arm",
    "versus",
    "time",
    "n",
    "n_versus",
    "excluded",
    "estimate",
    "ci95_low",
    "ci95_high",
    "unit",
    "percent",
    "percent_ci95_low",
    "percent_ci95_high",
    "mean",
    "sd",
    "hedges_g",
    "hedges_g_ci95_low",
    "hedges_g_ci95_high",
    "test",
    "statistic",
    "p_value",
    "p_adjusted",
    "reason",
];

/// Writes the changes, contrasts and slopes of a study to a CSV file.
///
/// # Errors
///
/// [`Error::Write`](crate::error::Error::Write).
pub fn write_study_table(path: &Path, study: &Study) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| failed(path)(io::Error::other(error));
    table.write_record(COLUMNS).map_err(failed)?;
    for row in study.metrics.iter().flat_map(rows) {
        let cells = COLUMNS.map(|column| {
            let cell = row.iter().find(|(name, _)| *name == column);
            // A negative number is no formula.
            cell.map_or(
                String::new(),
                |(_, cell)| if cell.parse::<f64>().is_ok() { cell.clone() } else { text(cell) },
            )
        });
        table.write_record(cells).map_err(failed)?;
    }
    write(path, &table.into_inner().map_err(|error| failed(error.into_error().into()))?)
}

/// The cells of a row that are not empty, by their columns.
type Row = Vec<(&'static str, String)>;

fn rows(metric: &MetricStudy) -> Vec<Row> {
    let changes = metric.changes.iter().map(change);
    let contrasts = metric.contrasts.iter().map(contrast);
    let slopes = metric.mixed_model.iter().flat_map(|model| {
        model.terms.iter().filter_map(move |term| slope(term, model.patients, &metric.unit))
    });
    let own = |row: Row| {
        let own = [
            ("view", metric.view.clone()),
            ("region", metric.region.clone().unwrap_or_default()),
            ("metric", metric.metric.clone()),
            ("primary", metric.primary.to_string()),
            ("unit", metric.unit.clone()),
        ];
        // What a question says of itself stands before what its metric says.
        row.into_iter().chain(own).collect()
    };
    changes.chain(contrasts).chain(slopes).map(own).collect()
}

fn change(change: &Change) -> Row {
    let excluded: usize = change.excluded.values().sum();
    let mut row = vec![
        ("question", "change".to_owned()),
        ("arm", change.arm.clone().unwrap_or_default()),
        ("time", change.time.clone()),
        ("n", change.n.to_string()),
        ("excluded", excluded.to_string()),
        ("mean", number(change.mean.value)),
        ("sd", number(change.sd)),
    ];
    row.extend(estimated(["estimate", "ci95_low", "ci95_high"], &change.hodges_lehmann));
    if let Some(percent) = &change.percent {
        row.extend(estimated(["percent", "percent_ci95_low", "percent_ci95_high"], percent));
    }
    row.extend(estimated(HEDGES, &change.hedges_g));
    row.extend(tested(&change.test, change.hodges_lehmann.reason.as_deref()));
    row
}

fn contrast(contrast: &Contrast) -> Row {
    let mut row = vec![
        ("question", "contrast".to_owned()),
        ("arm", contrast.arm.clone()),
        ("versus", contrast.versus.clone()),
        ("time", contrast.time.clone()),
        ("n", contrast.n.to_string()),
        ("n_versus", contrast.n_versus.to_string()),
    ];
    row.extend(estimated(["estimate", "ci95_low", "ci95_high"], &contrast.hodges_lehmann));
    row.extend(estimated(HEDGES, &contrast.hedges_g));
    row.extend(tested(&contrast.test, contrast.hodges_lehmann.reason.as_deref()));
    row
}

fn slope(term: &Term, patients: usize, unit: &str) -> Option<Row> {
    let mut row = vec![
        ("question", term.term.clone()),
        ("arm", term.arm.clone().unwrap_or_default()),
        ("n", patients.to_string()),
        ("estimate", number(Some(term.estimate))),
        ("ci95_low", number(Some(term.ci95[0]))),
        ("ci95_high", number(Some(term.ci95[1]))),
        ("unit", format!("{unit} per 30 days")),
    ];
    row.extend(tested(term.test.as_ref()?, None));
    Some(row)
}

const HEDGES: [&str; 3] = ["hedges_g", "hedges_g_ci95_low", "hedges_g_ci95_high"];

fn estimated(columns: [&'static str; 3], found: &Estimated) -> Row {
    let [low, high] = [0, 1].map(|end| found.ci95.map(|ci95| ci95[end]));
    columns.into_iter().zip([found.value, low, high].map(number)).collect()
}

fn tested(test: &Tested, reason: Option<&str>) -> Row {
    vec![
        ("test", test.test.clone()),
        ("statistic", number(test.statistic)),
        ("p_value", number(test.p_value)),
        ("p_adjusted", number(test.p_adjusted)),
        ("reason", test.reason.as_deref().or(reason).unwrap_or_default().to_owned()),
    ]
}
