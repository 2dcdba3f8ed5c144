//! What a page shows of a series, taken while its photos are in memory.
//!
//! Warped pixels are for looking: nothing here is measured on.

use std::fmt::Write;

use image::{Rgb, RgbImage};
use ndarray::Array2;
use rayon::prelude::*;

use crate::alignment::Transform;
use crate::canvas::{Canvas, Lattice};
use crate::color;
use crate::error::Result;
use crate::filter::background::reduce_inside;
use crate::filter::contours::{borders, simplified};
use crate::pipeline::frame::Frame;
use crate::pipeline::looking::Seen;
use crate::pipeline::measuring::Shown;
use crate::raster::{self, Mask, Plane, cell_centre, in_cells};
use crate::report::pictures::{
    CROP_SIDE, CROPS_ABREAST, Chromophore, Layer, SCREEN_SIDE, SessionPictures, jpeg, map,
};
use crate::series::{Lesion, Verdict};

/// The longer side of a map, pixels, at most.
const MAP_SIDE: usize = 480;

/// The longer side of the mask that valid skin is outlined on, cells, at most.
const OUTLINE_SIDE: usize = 360;

/// What lies outside a photo.
const NOWHERE: Rgb<u8> = Rgb([128, 128, 128]);

/// The baseline's frame on the screen.
#[derive(Debug, Clone)]
pub struct Easel {
    /// Native pixels of the baseline per pixel of the screen.
    pub factor: usize,
    /// Width on the screen, pixels.
    pub width: usize,
    /// Height on the screen, pixels.
    pub height: usize,
    /// Native pixels of the baseline per millimetre, or what stands for it.
    px_per_mm: f64,
    /// The mean of the baseline's skin, where the colour bars are anchored.
    means: [f64; 2],
}

impl Easel {
    /// The frame of the baseline, looked at as `seen`.
    pub fn of(baseline: &Frame, seen: &Seen) -> Self {
        let (width, height) = baseline.size();
        let factor = width.max(height).div_ceil(SCREEN_SIDE);
        let skin = &seen.coarse().skin;
        let mean = |plane: &Plane| {
            let values = raster::values_inside(plane, skin);
            values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
        };
        Self {
            factor,
            width: width / factor,
            height: height / factor,
            px_per_mm: baseline.scale.px_per_mm,
            means: [Chromophore::Melanin, Chromophore::Hemoglobin].map(|which| mean(seen.map(which))),
        }
    }

    /// A place of the baseline (native pixels) on the screen, where the
    /// corner of the first pixel is (0, 0).
    fn on_screen(&self, at: [f64; 2]) -> [f64; 2] {
        at.map(|at| (at + 0.5) / self.factor as f64)
    }

    /// The regions of the canvas, outlined.
    pub fn regions(&self, canvas: &Canvas) -> Vec<(String, String)> {
        let outlined = |(name, mask): &(String, Mask)| {
            (name.clone(), outlines(mask, canvas.factor(), |at| Some(self.on_screen(at))))
        };
        canvas.regions().iter().map(outlined).collect()
    }

    /// The pictures of a photo that lies on the baseline.
    pub fn draw(&self, frame: &Frame, transform: &Transform, shown: &Shown) -> Result<SessionPictures> {
        let place = |at: [f64; 2]| transform.map_back(at).map(|at| self.on_screen(at));
        let ((photo, maps), layers) = rayon::join(
            || {
                rayon::join(
                    || jpeg(&self.laid(frame, transform)),
                    || -> Result<Vec<_>> {
                        [Chromophore::Melanin, Chromophore::Hemoglobin]
                            .into_par_iter()
                            .map(|which| Ok((which, self.map(which, transform, shown)?)))
                            .collect()
                    },
                )
            },
            || self.layers(frame, transform, shown, &place),
        );
        Ok(SessionPictures {
            session: String::new(),
            laid: true,
            photo: photo?,
            width: self.width,
            height: self.height,
            layers,
            maps: maps?,
            crops: None,
        })
    }

    /// The calibrated photo in the baseline's frame.
    fn laid(&self, frame: &Frame, transform: &Transform) -> RgbImage {
        let finer = self.factor as f64 * frame.scale.px_per_mm / self.px_per_mm;
        let factor = (finer.round() as usize).clamp(1, (frame.size().0.min(frame.size().1) / 2).max(1));
        let light = frame.photo.linear(factor);
        let size = (self.width, self.height);
        let way = Lattice::new(|at| Some(transform.map(at)), size, self.factor);
        painted(size, |x, y| {
            let [px, py] = way.at(x, y)?.map(|at| in_cells(at, factor));
            let [red, green, blue] = light.each_ref().map(|plane| raster::sample(plane, px, py));
            Some([red?, green?, blue?])
        })
    }

    /// A map in the baseline's frame.
    fn map(&self, which: Chromophore, transform: &Transform, shown: &Shown) -> Result<Vec<u8>> {
        let level = shown.coarse();
        let step = self.factor * self.width.max(self.height).div_ceil(MAP_SIDE);
        let side = (step as f64 / level.factor as f64).round().max(1.0) as usize;
        let (plane, skin) = reduce_inside(shown.map(which), &level.skin, side);
        let factor = level.factor * side;
        let (width, height) = (self.factor * self.width / step, self.factor * self.height / step);
        let way = Lattice::new(|at| Some(transform.map(at)), (width, height), step);
        let [below, above] = which.reach();
        let least = self.means[which as usize] - below;
        let shares = Array2::from_shape_fn((height, width), |(y, x)| {
            let [px, py] = way.at(x, y)?.map(|at| in_cells(at, factor));
            let value = raster::covers(&skin, px, py).then(|| raster::sample(&plane, px, py)).flatten()?;
            Some(((f64::from(value) - least) / (below + above)) as f32)
        });
        map(which, &shares)
    }

    /// What was found on a photo, placed on the screen.
    fn layers(
        &self,
        frame: &Frame,
        transform: &Transform,
        shown: &Shown,
        place: &(dyn Fn([f64; 2]) -> Option<[f64; 2]> + Sync),
    ) -> Vec<(Layer, String)> {
        let circle = |x: f64, y: f64, radius: f64| {
            let at = transform.map_back([x, y])?;
            let shrunk = transform.magnification(at) * self.factor as f64;
            Some(circle(self.on_screen(at), radius / shrunk))
        };
        let circles = |all: &mut dyn Iterator<Item = (f64, f64, f64)>| -> String {
            all.filter_map(|(x, y, radius)| circle(x, y, radius)).collect()
        };
        let lines = |all: &mut dyn Iterator<Item = &Vec<[f64; 2]>>| -> String {
            all.map(|points| path(points.iter().filter_map(|&at| place(at)).collect(), false)).collect()
        };
        let closed = |all: &mut dyn Iterator<Item = &Vec<[f64; 2]>>| -> String {
            all.map(|points| path(points.iter().filter_map(|&at| place(at)).collect(), true)).collect()
        };
        let (width, height) = raster::size(&frame.mask);
        let side = width.max(height).div_ceil(OUTLINE_SIDE);
        let valid = raster::reduce_mask(&frame.mask, side);
        let coarse = shown.coarse().factor;
        let drawn = |layer: Layer| match layer {
            Layer::ValidSkin => outlines(&valid, frame.levels.coarse * side, place),
            Layer::Spots => closed(&mut shown.pigmented.iter().map(|spot| &spot.outline)),
            Layer::RedAreas => outlines(shown.red(), coarse, place),
            Layer::Pores => circles(&mut shown.pores.iter().map(|p| (p.x_px, p.y_px, p.diameter_px / 2.0))),
            Layer::Wrinkles => lines(&mut shown.wrinkles.iter().map(|wrinkle| &wrinkle.points)),
            Layer::Scars => circles(&mut shown.scars.iter().map(|s| (s.x_px, s.y_px, s.radius_px))),
            Layer::Papules => circles(
                &mut shown
                    .papules
                    .iter()
                    .map(|p| (p.x_px, p.y_px, (p.area_px / std::f64::consts::PI).sqrt())),
            ),
            Layer::StretchMarks => lines(&mut shown.stretch_marks.iter().map(|mark| &mark.points)),
        };
        Layer::ALL.into_par_iter().map(|layer| (layer, drawn(layer))).collect()
    }
}

/// The most lesions of a view that get crops.
const MOST_CROPS: usize = 64;

/// Side of a crop against the diameter of its lesion, and at least, mm.
const CROP_WIDER: f64 = 2.4;
const LEAST_CROP_MM: f64 = 6.0;

/// Samples along each side of a pixel of a crop, at most.
const MOST_SAMPLES: usize = 3;

impl Easel {
    /// The lesions that are shown through time: those that changed first, then
    /// those that hold most. In that order.
    pub fn chosen<'a>(&self, lesions: &'a [Lesion]) -> Vec<&'a Lesion> {
        let told = |lesion: &Lesion| match lesion.change.verdict {
            Verdict::Improved | Verdict::Worsened | Verdict::Changed => 0,
            Verdict::NoDetectableChange => 1,
            Verdict::NotComparable => 2,
        };
        let dose = |lesion: &Lesion| lesion.track.iter().filter_map(|seen| seen.dose).fold(0.0, f64::max);
        let mut chosen: Vec<&Lesion> = lesions.iter().collect();
        chosen.sort_by(|a, b| told(a).cmp(&told(b)).then(dose(b).total_cmp(&dose(a))).then(a.id.cmp(&b.id)));
        chosen.truncate(MOST_CROPS);
        chosen
    }

    /// The chosen lesions as a photo shows them, each where it lies on the
    /// baseline and as large, with all the detail that the photo has.
    pub fn crops(&self, frame: &Frame, transform: &Transform, chosen: &[&Lesion]) -> Result<Vec<u8>> {
        let rows = chosen.len().div_ceil(CROPS_ABREAST);
        let calibration = frame.photo.calibration();
        let (width, height) = frame.size();
        let photo = frame.photo.photo();
        let light = |[x, y]: [f64; 2]| {
            let seen = photo.light_at(x, y)?;
            let position = [(x + 0.5) / width as f64, (y + 0.5) / height as f64];
            let field = calibration.field.map_or(1.0, |field| (-field.log_at(position)).exp() as f32);
            Some::<[f32; 3]>(std::array::from_fn(|channel| {
                seen[channel] * calibration.gains[channel] * field
            }))
        };
        let windows: Vec<Window> = chosen.iter().map(|lesion| self.window(lesion, transform)).collect();
        let sheet = painted((CROPS_ABREAST * CROP_SIDE, rows * CROP_SIDE), |x, y| {
            let window = windows.get(y / CROP_SIDE * CROPS_ABREAST + x / CROP_SIDE)?;
            let samples = (window.pitch.round() as usize).clamp(1, MOST_SAMPLES);
            let offset = |cell: usize, part: usize| {
                let share = (cell % CROP_SIDE) as f64 + (part as f64 + 0.5) / samples as f64;
                (share - CROP_SIDE as f64 / 2.0) * window.pitch
            };
            let mut sum = [0.0f32; 3];
            for part in 0..samples * samples {
                let seen = light(window.at([offset(x, part % samples), offset(y, part / samples)]))?;
                sum.iter_mut().zip(seen).for_each(|(sum, light)| *sum += light);
            }
            Some(sum.map(|sum| sum / (samples * samples) as f32))
        });
        jpeg(&sheet)
    }

    /// Where a lesion's crop lies in a photo.
    fn window(&self, lesion: &Lesion, transform: &Transform) -> Window {
        let area = lesion.track.iter().filter_map(|seen| seen.area_px).fold(0.0, f64::max);
        let wide = CROP_WIDER * 2.0 * (area / std::f64::consts::PI).sqrt();
        let side = wide.max(LEAST_CROP_MM * self.px_per_mm);
        // At the edge of the baseline a crop is moved inwards.
        let inside = |at: f64, length: usize| {
            let most = (self.factor * length) as f64 - 0.5 - side / 2.0;
            at.min(most).max(side / 2.0 - 0.5)
        };
        let centre = [inside(lesion.x_px, self.width), inside(lesion.y_px, self.height)];
        let pitch = side / CROP_SIDE as f64;
        Window { centre: transform.map(centre), jacobian: transform.jacobian(centre), pitch }
    }
}

/// Where a crop lies in a photo: so small that the way there is straight.
struct Window {
    /// Its centre, native pixels of the photo.
    centre: [f64; 2],
    jacobian: [[f64; 2]; 2],
    /// Native pixels of the baseline per pixel of the crop.
    pitch: f64,
}

impl Window {
    /// The photo's place at an offset from the centre in pixels of the baseline.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [[a, b], [c, d]] = self.jacobian;
        [self.centre[0] + a * x + b * y, self.centre[1] + c * x + d * y]
    }
}

/// The picture of a photo that does not lie on the baseline, as it was taken.
pub fn as_taken(frame: &Frame) -> Result<SessionPictures> {
    let (width, height) = frame.size();
    let factor = width.max(height).div_ceil(SCREEN_SIDE);
    let light = frame.photo.photo().linear(factor);
    let (width, height) = raster::size(&light[0]);
    let photo = painted((width, height), |x, y| Some(light.each_ref().map(|plane| plane[[y, x]])));
    Ok(SessionPictures {
        session: String::new(),
        laid: false,
        photo: jpeg(&photo)?,
        width,
        height,
        layers: Vec::new(),
        maps: Vec::new(),
        crops: None,
    })
}

/// A picture of `width` by `height` pixels of linear light.
pub fn painted(
    (width, height): (usize, usize),
    light: impl Fn(usize, usize) -> Option<[f32; 3]> + Sync,
) -> RgbImage {
    let mut picture = RgbImage::from_pixel(width as u32, height as u32, NOWHERE);
    picture.par_chunks_mut(3 * width.max(1)).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            if let Some(light) = light(x, y) {
                pixel.copy_from_slice(&light.map(encoded));
            }
        }
    });
    picture
}

/// An 8-bit sRGB value from linear light, by table: to look at.
fn encoded(linear: f32) -> u8 {
    static TABLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let encode = |i: u32| (255.0 * color::srgb_from_linear(i as f32 / 8191.0)).round() as u8;
        (0..8192).map(encode).collect()
    });
    TABLE[(linear.clamp(0.0, 1.0) * 8191.0).round() as usize]
}

/// The outlines of what a mask covers, whose cells are `factor` native pixels;
/// specks that nobody sees are left out.
fn outlines(mask: &Mask, factor: usize, place: impl Fn([f64; 2]) -> Option<[f64; 2]>) -> String {
    let outline = |border: Vec<[f64; 2]>| {
        let native = border.iter().map(|at| at.map(|at| cell_centre(at, factor)));
        path(native.filter_map(&place).collect(), true)
    };
    borders(mask)
        .iter()
        .filter(|border| border.len() > 4)
        .map(|border| outline(simplified(border, 0.8)))
        .collect()
}

/// The data of an SVG path through `points`.
fn path(points: Vec<[f64; 2]>, closed: bool) -> String {
    let mut data = String::new();
    for (index, [x, y]) in points.iter().enumerate() {
        let command = if index == 0 { "M" } else { "L" };
        write!(data, "{command}{} {}", tenth(*x), tenth(*y)).expect("a string takes all");
    }
    if closed && !points.is_empty() {
        data.push('Z');
    }
    data
}

fn circle([x, y]: [f64; 2], radius: f64) -> String {
    let radius = radius.max(0.5);
    let (r, d) = (tenth(radius), tenth(2.0 * radius));
    format!("M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0", tenth(x - radius), tenth(y))
}

/// A coordinate to a tenth of a pixel.
fn tenth(value: f64) -> f64 {
    (10.0 * value).round() / 10.0 + 0.0
}
