//! The skin on the pixels of a photo.

use image::RgbImage;
use rayon::prelude::*;

use super::card;
use super::features::{Feature, Skin};
use super::ground::Ground;
use super::lighting::Lighting;
use super::noise::lattice_seed;
use super::optics::SkinColor;
use super::patient::PatientPlan;
use super::pose::Pose;
use super::scene::{self, Scene};
use super::sensor::Exposure;

/// Rows painted together.
const BAND: usize = 32;

/// The skin of one photo, pixel by pixel.
pub struct Layers {
    /// Pixels in a row.
    pub width: usize,
    /// Height above the surroundings, mm.
    pub height_mm: Vec<f32>,
    /// Melanin relative to the skin's own.
    pub melanin: Vec<f32>,
    /// Blood relative to the skin's own.
    pub blood: Vec<f32>,
    /// Share of the light that reaches the pixel.
    pub openness: Vec<f32>,
    /// Share of the pixel that a hair hides.
    pub hair: Vec<f32>,
}

/// One shot of a view in a session. The indices must exist in the plan.
pub fn render(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> RgbImage {
    let visit = &plan.sessions[session];
    let pose = Pose::of(plan, view, session, shot);
    let skin = Scene::of(plan, view).changed(&visit.change);
    let hairs = scene::hairs(plan, view, session);
    let mut features = skin.features();
    features.extend(hairs.iter().map(|hair| hair as &dyn Feature));
    let ground = Ground::of(plan, view, visit.change.relief_smoothing);
    let layers = paint(plan, &pose, &ground, &features);
    let purpose = ((view as u64) << 40) | ((session as u64) << 20) | u64::from(shot);
    let noise_seed = u64::from(lattice_seed(plan.seed, purpose));
    let oil = lattice_seed(plan.seed, 77 + ((view as u64) << 20) + session as u64);
    let size = (plan.width, plan.height);
    let lighting = Lighting::new(&visit.light, &pose, oil, size);
    let (shading, highlights) = lighting.fall(&layers);
    let color = SkinColor::new((&plan.tissue).into());
    let tone = [plan.tone * (1.0 + visit.change.tan), plan.blood * (1.0 + visit.change.flush)];
    let mut exposure = Exposure::new(&visit.camera, size, noise_seed);
    for channel in 0..3 {
        let mut light = lighting.returned(channel, &layers, &color, tone, &shading, &highlights);
        if let Some(plan) = &visit.card {
            card::lay(plan, &lighting, channel, &mut light);
        }
        exposure.take(channel, light);
    }
    exposure.finish()
}

/// Ground and features on the pixels of a photo.
fn paint(plan: &PatientPlan, pose: &Pose, ground: &Ground, features: &[&dyn Feature]) -> Layers {
    let (width, height) = (plan.width as usize, plan.height as usize);
    let bounds: Vec<Bounds> =
        features.iter().map(|feature| Bounds::of(*feature, pose, width, height)).collect();
    let plane = || vec![0.0f32; width * height];
    let mut layers = Layers {
        width,
        height_mm: plane(),
        melanin: plane(),
        blood: plane(),
        openness: plane(),
        hair: plane(),
    };
    let size = BAND * width;
    let bands = layers.height_mm.par_chunks_mut(size).zip(layers.melanin.par_chunks_mut(size)).zip(
        layers
            .blood
            .par_chunks_mut(size)
            .zip(layers.openness.par_chunks_mut(size))
            .zip(layers.hair.par_chunks_mut(size)),
    );
    bands.enumerate().for_each(|(band, ((heights, melanin), ((blood, openness), hair)))| {
        let skin = paint_band(band * BAND, heights.len() / width, width, pose, ground, (features, &bounds));
        for (i, point) in skin.into_iter().enumerate() {
            heights[i] = point.height;
            melanin[i] = point.melanin;
            blood[i] = point.blood;
            openness[i] = point.openness;
            hair[i] = point.hair;
        }
    });
    layers
}

/// The pixels that a feature may touch: first and past-last column and row.
struct Bounds {
    columns: (usize, usize),
    rows: (usize, usize),
}

impl Bounds {
    fn of(feature: &dyn Feature, pose: &Pose, width: usize, height: usize) -> Self {
        let ([cx, cy], reach) = (feature.centre(), feature.reach());
        if reach <= 0.0 {
            return Self { columns: (0, 0), rows: (0, 0) };
        }
        // The outline of a circle, projected; a little more for its bulges.
        let rim = (0..16).map(|i| {
            let (sin, cos) = (std::f64::consts::TAU * f64::from(i) / 16.0).sin_cos();
            pose.project([cx + 1.05 * reach * cos, cy + 1.05 * reach * sin])
        });
        let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
        for point in rim {
            low = [low[0].min(point[0]), low[1].min(point[1])];
            high = [high[0].max(point[0]), high[1].max(point[1])];
        }
        let span = |low: f64, high: f64, size: usize| {
            let first = (low - 2.0).clamp(0.0, size as f64) as usize;
            (first, ((high + 3.0).clamp(0.0, size as f64) as usize).max(first))
        };
        Self { columns: span(low[0], high[0], width), rows: span(low[1], high[1], height) }
    }
}

fn paint_band(
    top: usize,
    count: usize,
    width: usize,
    pose: &Pose,
    ground: &Ground,
    (features, bounds): (&[&dyn Feature], &[Bounds]),
) -> Vec<Skin> {
    let pixel = (1.0 / pose.px_per_mm) as f32;
    let mut places = vec![[0.0f32; 2]; count * width];
    places.chunks_exact_mut(width).enumerate().for_each(|(i, row)| pose.row(top + i, row));
    let mut skin: Vec<Skin> = places.iter().map(|&[x, y]| ground.at(x, y, pixel)).collect();
    for (feature, bounds) in features.iter().zip(bounds) {
        let [cx, cy] = feature.centre().map(|value| value as f32);
        for y in bounds.rows.0.max(top)..bounds.rows.1.min(top + count) {
            for i in (y - top) * width + bounds.columns.0..(y - top) * width + bounds.columns.1 {
                feature.shape(places[i][0] - cx, places[i][1] - cy, pixel, &mut skin[i]);
            }
        }
    }
    skin
}

impl Layers {
    /// Unit normal of the skin at a pixel, by central differences.
    pub fn normal(&self, x: usize, y: usize, px_per_mm: f32) -> [f32; 3] {
        let (width, height) = (self.width, self.height_mm.len() / self.width);
        let at = |x: usize, y: usize| self.height_mm[y * width + x];
        let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
        let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
        let dx = (at(right, y) - at(left, y)) * px_per_mm / (right - left).max(1) as f32;
        let dy = (at(x, below) - at(x, above)) * px_per_mm / (below - above).max(1) as f32;
        let length = (dx * dx + dy * dy + 1.0).sqrt();
        [-dx / length, -dy / length, 1.0 / length]
    }
}
