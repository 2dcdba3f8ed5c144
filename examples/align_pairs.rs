//! Aligns the pairs of a list and prints one line of JSON per pair.
//!
//! Usage: `align_pairs LIST [FOLDER]`: warped photos go to FOLDER. Each line `reference moving [points.csv]`; the
//! CSV holds points of the reference (x,y) and their true place (x,y).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use dermalapse::alignment::{AlignmentOptions, Features, align, reduction_for, warp};
use dermalapse::raster::{self, Mask, Plane};

fn features(path: &str) -> Result<(Features, f64), Box<dyn std::error::Error>> {
    let image = image::open(path)?.to_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let factor = reduction_for(width, height);
    let start = Instant::now();
    let green = Plane::from_shape_vec((height, width), image.pixels().map(|p| f32::from(p.0[1])).collect())?;
    let picture = raster::reduce(&green, factor);
    // Pixels that a virtual camera left black.
    let blank =
        Mask::from_shape_vec((height, width), image.pixels().map(|p| p.0.iter().any(|&v| v > 6)).collect())?;
    let valid = raster::reduce_mask(&blank, factor);
    let valid = dermalapse::filter::morphology::erode(&valid, 3.0);
    let found = Features::detect(picture, &valid, factor, width, height);
    Ok((found, start.elapsed().as_secs_f64()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let list = std::env::args().nth(1).ok_or("a list of pairs is needed")?;
    let folder = std::env::args().nth(2);
    for (number, line) in std::fs::read_to_string(list)?.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ((reference, first), (moving, second)) = (features(words[0])?, features(words[1])?);
        let start = Instant::now();
        let found = align(&reference, &moving, &AlignmentOptions::default(), 1);
        let seconds = start.elapsed().as_secs_f64();
        let mut points = Vec::new();
        if let Some(path) = words.get(2) {
            for record in csv::Reader::from_path(path)?.deserialize() {
                let [x, y, u, v]: [f64; 4] = record?;
                let [p, q] = found.transform.map([x, y]);
                points.push((p - u).hypot(q - v));
            }
        }
        points.sort_by(f64::total_cmp);
        let at = |share: f64| points.get((points.len() as f64 * share) as usize).copied();
        let object = serde_json::json!({
            "reference": words[0], "moving": words[1],
            "status": found.status, "reason": found.reason, "matrix": found.transform.matrix(),
            "residual_px": found.residual_px, "overlap": found.overlap_fraction, "inliers": found.inliers,
            "median": at(0.5), "p95": at(0.95), "max": points.last(),
            "seconds": [first, second, seconds], "diagnostics": found.diagnostics,
            "keypoints": [reference.len(), moving.len()],
        });
        println!("{object}");
        if let Some(folder) = &folder {
            let (a, b) = (image::open(words[0])?.to_rgb8(), image::open(words[1])?.to_rgb8());
            let warped = warp(&b, &found.transform, a.width() as usize, a.height() as usize);
            warped.save(format!("{folder}/{number}.png"))?;
        }
    }
    Ok(())
}
