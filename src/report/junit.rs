//! A check as JUnit XML, which continuous integration shows as tests.

use std::io;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::records::{Check, Compared, Difference};
use crate::check::text::line;
use crate::error::Result;
use crate::report::files::{failed, write};

/// Writes a check to an XML file: a suite for each patient, a test for each
/// view and family.
///
/// # Errors
///
/// [`Error::Write`](crate::error::Error::Write).
pub fn write_junit(path: &Path, check: &Check) -> Result<()> {
    let mut report = Report::new("dermalapse check");
    for patient in check.compared.chunk_by(|a, b| a.patient == b.patient) {
        let mut suite = TestSuite::new(&*patient[0].patient);
        suite.add_test_cases(patient.iter().map(|part| test(part, check)));
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(|error| failed(path)(io::Error::other(error)))?;
    write(path, text.as_bytes())
}

fn test(part: &Compared, check: &Check) -> TestCase {
    let view = part.view.as_deref().unwrap_or("patient");
    let mut status = TestCaseStatus::success();
    if part.differences > 0 {
        let own = |difference: &&Difference| {
            let place = &difference.place;
            (&place.patient, &place.view, &place.family) == (&part.patient, &part.view, &part.family)
        };
        let lines = check.differences.iter().filter(own).map(located);
        let message = format!("{} of {} entries differ beyond tolerance", part.differences, part.entries);
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(message).set_description(lines.collect::<Vec<_>>().join("\n"));
    }
    let mut test = TestCase::new(format!("{view} / {}", part.family), status);
    test.set_classname(format!("{}.{view}", part.patient));
    test
}

fn located(difference: &Difference) -> String {
    let place = &difference.place;
    let parts = [&place.session, &place.region, &place.metric];
    let names: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
    format!("{} {}", names.join(" / "), line(difference))
}
