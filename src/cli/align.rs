//! `dermalapse align`.

use std::path::{Path, PathBuf};

use clap::Args;
use dermalapse::error::Error;
use dermalapse::pipeline;
use dermalapse::reading;
use dermalapse::report::alignment::PairStatus;
use dermalapse::report::{files, json};

use super::common::Common;
use super::{End, Output};

/// The largest file of points that is read, bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "\
Example:
  dermalapse align before.jpg after.jpg --points marks.csv --out after_in_frame_of_before.png

Pixel centres lie at whole numbers; the first pixel is 0,0. The picture is for
looking at: warping smooths skin, so nothing is ever measured on it.";

/// Align two photographs and say how well they fit
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Align {
    /// The photo that stays
    reference: PathBuf,
    /// The photo that is laid on it
    moving: PathBuf,
    /// Points to map, CSV with x,y in reference pixels
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// Write the moving photo in the reference's frame
    #[arg(long, value_name = "PNG")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Align {
    pub fn run(&self) -> Result<Output, Error> {
        let settings = self.common.settings()?;
        let points = self.points.as_deref().map(read_points).transpose()?;
        let (alignment, picture) = self.common.in_pool(|| {
            let picture = self.out.is_some();
            pipeline::align_photos(&self.reference, &self.moving, points.as_deref(), picture, &settings)
        })??;
        if let (Some(path), Some(picture)) = (&self.out, &picture) {
            files::write_png(path, picture)?;
        }
        let end = match alignment.status {
            PairStatus::Aligned => End::Done,
            PairStatus::Rejected => End::Incomplete,
        };
        if let Some(reason) = &alignment.reason {
            self.common.warn(reason);
        }
        Ok(Output { text: json::pretty(&alignment), end })
    }
}

/// The points of a CSV with the columns `x` and `y`; a header is optional.
fn read_points(path: &Path) -> Result<Vec<[f64; 2]>, Error> {
    let text = reading::read_text(path, MOST_BYTES)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let rows = text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty());
    let rows = rows.filter(|(line, row)| *line > 0 || row.trim().trim_start_matches('\u{feff}') != "x,y");
    rows.map(|(line, row)| {
        point(row).ok_or_else(|| Error::Malformed {
            path: path.to_owned(),
            reason: format!("line {} is {row:?}, but must be x,y in pixels", line + 1),
        })
    })
    .collect()
}

fn point(row: &str) -> Option<[f64; 2]> {
    let (x, y) = row.split_once(',')?;
    let point = [x.trim().parse().ok()?, y.trim().parse().ok()?];
    point.iter().all(|at: &f64| at.is_finite()).then_some(point)
}
