//! `dermalapse measure`.

use std::path::PathBuf;

use clap::Args;
use dermalapse::error::Error;
use dermalapse::pipeline;
use dermalapse::report::{files, json};

use super::common::{Common, RegionOption, ScaleOption};
use super::{End, Output};

/// Measure one photo by itself
#[derive(Args)]
#[command(after_long_help = "Example:\n  dermalapse measure cheek.jpg --px-per-mm 27.1 --objects found.json")]
pub struct Measure {
    /// The photo
    photo: PathBuf,
    /// Write the pores, lesions and wrinkles found (JSON)
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
    /// Write the photo with everything tinted that is not measured as skin: glare
    /// magenta, clipped orange, hair yellow, the rest blue
    #[arg(long, value_name = "PNG")]
    overlay: Option<PathBuf>,
    #[command(flatten)]
    scale: ScaleOption,
    #[command(flatten)]
    region: RegionOption,
    #[command(flatten)]
    common: Common,
}

impl Measure {
    pub fn run(&self) -> Result<Output, Error> {
        let settings = self.common.settings()?;
        let (scale, roi) = (self.scale.px_per_mm, self.region.roi.as_deref());
        let (measurement, objects) =
            self.common.in_pool(|| pipeline::measure_photo(&self.photo, scale, roi, &settings))??;
        if let Some(path) = &self.overlay {
            let limits = settings.decode_limits();
            files::write_png(path, &pipeline::draw_skin(&self.photo, scale, &limits)?)?;
        }
        if let Some(path) = &self.objects {
            files::write_json(path, &objects)?;
        }
        self.common.warn_all(&measurement.quality.warnings);
        let end = if measurement.quality.usable { End::Done } else { End::Incomplete };
        Ok(Output { text: json::pretty(&measurement), end })
    }
}
