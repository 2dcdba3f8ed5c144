//! The CSV manifest: one row per photo.

use std::path::Path;

use csv::StringRecord;
use jiff::civil::Date;

use crate::batch::arrange::{Found, FoundPhoto, given_scale, is_name, session_date};
use crate::batch::left_out;
use crate::error::{Error, Result};
use crate::reading;
use crate::report::files::check_id;

const REQUIRED: [&str; 4] = ["patient", "session", "view", "file"];
const OPTIONAL: [&str; 7] = ["date", "shot", "px_per_mm", "roi", "arm", "role", "days_since_treatment"];

/// The largest manifest that is read, bytes.
const MOST_BYTES: u64 = 128 * 1024 * 1024;

/// The most rows that are read: more photos than any clinic takes.
const MOST_ROWS: usize = 1_000_000;

/// The most columns, known or not.
const MOST_COLUMNS: usize = 1000;

/// How much of a cell a message repeats, characters.
const SHOWN: usize = 60;

/// Every photo that the manifest at `path` names.
pub(super) fn find(path: &Path) -> Result<Found> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let bytes =
        reading::read(path, MOST_BYTES).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&bytes, path.parent().unwrap_or(Path::new(""))).map_err(malformed)
}

/// The rows of a manifest; paths are relative to `folder`.
fn parse(bytes: &[u8], folder: &Path) -> std::result::Result<Found, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = rows.headers().map_err(|error| format!("no CSV manifest: {error}"))?.clone();
    if let Some(missing) = REQUIRED.iter().find(|&&name| !header.iter().any(|column| column == name)) {
        return Err(format!(
            "no column `{missing}`; a manifest starts with a row such as {}",
            REQUIRED.join(",")
        ));
    }
    if header.len() > MOST_COLUMNS {
        return Err(format!("it has {} columns, more than {MOST_COLUMNS}", header.len()));
    }
    let mut found = Found::default();
    let unknown = header.iter().filter(|column| !REQUIRED.contains(column) && !OPTIONAL.contains(column));
    found.skipped.extend(
        unknown.map(|column| left_out(format!("column {}", shown(column)), "no column of a manifest")),
    );
    for (number, row) in rows.records().enumerate() {
        if number == MOST_ROWS {
            return Err(format!("it has more than {MOST_ROWS} rows; split it"));
        }
        let line =
            row.as_ref().map_or_else(csv::Error::position, StringRecord::position).map(csv::Position::line);
        let origin = format!("line {}", line.map_or("?".into(), |line| line.to_string()));
        match row
            .map_err(|error| error.to_string())
            .and_then(|row| Row { header: &header, row }.photo(folder))
        {
            Ok(photo) => found.photos.push(FoundPhoto { origin, ..photo }),
            Err(reason) => found.problems.push(left_out(origin, reason)),
        }
    }
    Ok(found)
}

/// A comma, or a semicolon where the header has no comma.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' }
}

/// As much of a cell as a message can bear.
fn shown(cell: &str) -> String {
    cell.chars().take(SHOWN).collect()
}

struct Row<'a> {
    header: &'a StringRecord,
    row: StringRecord,
}

impl Row<'_> {
    /// The cell in a column; `None` if the column or the cell is empty.
    fn cell(&self, column: &str) -> Option<&str> {
        let index = self.header.iter().position(|name| name == column)?;
        self.row.get(index).filter(|cell| !cell.is_empty())
    }

    fn required(&self, column: &str) -> std::result::Result<&str, String> {
        self.cell(column).ok_or_else(|| format!("no {column}"))
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        column: &str,
        what: &str,
    ) -> std::result::Result<Option<T>, String> {
        let parse = |cell: &str| {
            cell.parse().map_err(|_| format!("{column} is {:?}, but must be {what}", shown(cell)))
        };
        self.cell(column).map(parse).transpose()
    }

    fn named(&self, column: &str) -> std::result::Result<String, String> {
        let name = self.required(column)?;
        if is_name(name) {
            Ok(name.to_owned())
        } else {
            Err(format!("{column} is {:?}, which cannot be a name", shown(name)))
        }
    }

    fn is_baseline(&self) -> std::result::Result<bool, String> {
        match self.cell("role") {
            Some("baseline") => Ok(true),
            Some("follow_up" | "follow-up" | "followup") | None => Ok(false),
            Some(other) => Err(format!("role is {:?}, but must be baseline or follow_up", shown(other))),
        }
    }

    fn photo(&self, folder: &Path) -> std::result::Result<FoundPhoto, String> {
        if self.row.len() > self.header.len() {
            return Err(format!(
                "{} cells under {} columns; quote cells with commas",
                self.row.len(),
                self.header.len()
            ));
        }
        let patient = self.named("patient")?;
        check_id(&patient).map_err(|error| error.to_string())?;
        let session = self.named("session")?;
        let date: Option<Date> = self.parsed("date", "a date such as 2026-01-10")?;
        let px_per_mm: Option<f64> = self.parsed("px_per_mm", "a number")?;
        Ok(FoundPhoto {
            origin: String::new(),
            date: date.or_else(|| session_date(&session)),
            patient,
            session,
            view: self.named("view")?,
            path: folder.join(self.required("file")?),
            shot: self.parsed("shot", "a whole number")?,
            scale: px_per_mm.map(given_scale).transpose()?,
            roi: self.cell("roi").map(|roi| folder.join(roi)),
            arm: self.cell("arm").map(str::to_owned),
            is_baseline: self.is_baseline()?,
            days_since_treatment: self.parsed("days_since_treatment", "a whole number of days")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_a_photo_and_a_bad_row_is_named_by_its_line() {
        let text = "patient,session,view,file,date,shot,px_per_mm,role\n\
            P001,before,frontal,a.jpg,2026-01-10,1,27.1,baseline\n\
            P001,after,frontal,b.jpg,10.04.2026,,,\n\
            ../P2,after,frontal,b.jpg,,,,\n\
            P001,,frontal,b.jpg,,,,\n\
            P001,after,frontal,\"b,c.jpg\",2026-04-10,2,,follow_up\n";
        let found = parse(text.as_bytes(), Path::new("photos")).unwrap();
        let [first, second] = found.photos.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.path.as_path(), first.is_baseline), (Path::new("photos/a.jpg"), true));
        assert_eq!(first.scale.map(crate::units::Scale::px_per_mm), Some(27.1));
        assert_eq!((second.origin.as_str(), second.shot), ("line 6", Some(2)));
        let problems: Vec<_> = found.problems.iter().map(|left| left.input.as_str()).collect();
        assert_eq!(problems, ["line 3", "line 4", "line 5"]);
        assert!(found.problems[0].reason.contains("10.04.2026"));
    }

    #[test]
    fn the_date_may_stand_in_the_session() {
        let found = parse(b"patient,session,view,file\nP1,2026-01-10_a,x,a.jpg\n", Path::new("")).unwrap();
        assert_eq!(found.photos[0].date.map(|date| date.to_string()).as_deref(), Some("2026-01-10"));
    }

    #[test]
    fn spreadsheets_marks_and_semicolons_are_understood() {
        let found = parse(b"\xEF\xBB\xBFpatient;session;view;file\nP1;s;x;a.jpg\n", Path::new("")).unwrap();
        assert_eq!(found.photos[0].patient, "P1");
    }

    #[test]
    fn a_missing_column_stops_and_an_unknown_one_is_named() {
        assert!(parse(b"patient,session,view\n", Path::new("")).unwrap_err().contains("`file`"));
        let found = parse(b"patient,session,view,file,age\n", Path::new("")).unwrap();
        assert_eq!(found.skipped[0].input, "column age");
    }

    #[test]
    fn a_row_that_is_not_unicode_does_not_stop_the_next() {
        let found =
            parse(b"patient,session,view,file\nP1,s,\xFF,a.jpg\nP1,s,x,a.jpg\n", Path::new("")).unwrap();
        assert_eq!((found.photos.len(), found.problems.len()), (1, 1));
    }
}
