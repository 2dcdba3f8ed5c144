//! How a photo relates to the baseline: where its skin lies and how its light differs.

use crate::alignment::Transform;
use crate::calibration::{Calibration, SkinPair, from_reference_skin};
use crate::filter::background::reduce_inside;
use crate::pipeline::frame::Frame;
use crate::quality::{SkinContrast, skin_contrast};
use crate::raster::{self, Mask, Plane, cell_centre, in_cells};

/// Side of the cells of skin whose light is compared, mm: small enough to
/// tell spots from skin, large enough to average noise and misalignment out.
const CELL_MM: f64 = 1.0;

/// Cells of the moving photo along one of the baseline's: what is read between
/// cells loses contrast, and from finer ones hardly any.
const FINER: f64 = 2.0;

/// The calibration that brings `moving` to the light of `baseline`, from
/// skin seen in both that did not change; and the colour contrast of ordinary skin.
pub fn calibrate(
    baseline: &Frame,
    moving: &Frame,
    transform: &Transform,
) -> (Calibration, Option<SkinContrast>) {
    let (reference, other) = (Cells::of(baseline, CELL_MM), Cells::of(moving, CELL_MM / FINER));
    let (width, height) = moving.size();
    let mut pairs = Vec::new();
    let mut seen = reference.linear.each_ref().map(|plane| Plane::zeros(plane.raw_dim()));
    let mut both = Mask::from_elem(reference.inside.raw_dim(), false);
    for ((y, x), _) in reference.inside.indexed_iter().filter(|(_, inside)| **inside) {
        let centre = [x, y].map(|at| cell_centre(at as f64, reference.factor));
        let [px, py] = transform.map(centre);
        if let Some(light) = other.around(px, py, reference.factor as f64 / (2.0 * FINER)) {
            let position = [(px + 0.5) / width as f64, (py + 0.5) / height as f64];
            let here = [0, 1, 2].map(|channel| reference.linear[channel][[y, x]]);
            pairs.push(SkinPair { reference: here, moving: light, position });
            seen.iter_mut().zip(light).for_each(|(plane, light)| plane[[y, x]] = light);
            both[[y, x]] = true;
        }
    }
    (from_reference_skin(&pairs), skin_contrast(&reference.linear, &seen, &both))
}

/// Mean linear light of the valid skin in cells.
struct Cells {
    linear: [Plane; 3],
    inside: Mask,
    /// Native pixels per cell.
    factor: usize,
}

impl Cells {
    fn of(frame: &Frame, cell_mm: f64) -> Self {
        let coarse = frame.levels.coarse;
        let skin = frame.reference.as_ref().map_or_else(|| frame.mask.clone(), |part| &frame.mask & part);
        let side = (frame.scale.reduced(coarse).px(cell_mm).round() as usize).max(1);
        let mut inside = None;
        let linear = frame.photo.linear(coarse).map(|plane| {
            let (mean, filled) = reduce_inside(&plane, &skin, side);
            inside = Some(filled);
            mean
        });
        Self { linear, inside: inside.expect("three channels"), factor: coarse * side }
    }

    /// The mean light of four native positions, `off` pixels across and down from
    /// one; `None` unless there is skin around all.
    fn around(&self, x: f64, y: f64, off: f64) -> Option<[f32; 3]> {
        let mut sum = [0.0; 3];
        for (dx, dy) in [(-off, -off), (off, -off), (-off, off), (off, off)] {
            let light = self.at(x + dx, y + dy)?;
            sum.iter_mut().zip(light).for_each(|(sum, light)| *sum += light / 4.0);
        }
        Some(sum)
    }

    /// The light at a native position; `None` unless the cells around it are all skin.
    fn at(&self, x: f64, y: f64) -> Option<[f32; 3]> {
        let (x, y) = (in_cells(x, self.factor), in_cells(y, self.factor));
        let corners =
            [(x.floor(), y.floor()), (x.ceil(), y.floor()), (x.floor(), y.ceil()), (x.ceil(), y.ceil())];
        if !corners.iter().all(|&(x, y)| raster::covers(&self.inside, x, y)) {
            return None;
        }
        let [red, green, blue] = self.linear.each_ref().map(|plane| raster::sample(plane, x, y));
        Some([red?, green?, blue?])
    }
}
