//! Skin to light: layers in the photo's pixels, shading, colour.

use image::RgbImage;
use rayon::prelude::*;

use super::features::{Feature, Skin};
use super::ground::Ground;
use super::noise::{lattice_seed, smooth};
use super::optics::SkinColor;
use super::patient::{LightPlan, PatientPlan};
use super::pose::Pose;
use super::scene::{self, Scene};
use super::sensor::Exposure;
use crate::filter::gaussian::gaussian;
use crate::raster::{self, Plane, row};

/// Rows painted together.
const BAND: usize = 32;
/// How far light spreads below the surface, R, G, B, mm: shading is softer in red.
const SPREAD_MM: [f64; 3] = [0.25, 0.12, 0.07];
/// Exponent of the highlights (Blinn 1977).
const SHININESS: f32 = 20.0;
/// How much stronger highlights are on oily skin.
const OIL: f32 = 25.0;
/// Linear colour of dark hair.
const HAIR: [f32; 3] = [0.030, 0.021, 0.015];

/// The skin of one photo, pixel by pixel.
struct Layers {
    width: usize,
    height_mm: Vec<f32>,
    melanin: Vec<f32>,
    blood: Vec<f32>,
    openness: Vec<f32>,
    hair: Vec<f32>,
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
    let lit = Lighting { light: &visit.light, oil, pose: &pose, size: (plan.width, plan.height) };
    let mut exposure = Exposure::new(&visit.camera, (plan.width, plan.height), noise_seed);
    let color = SkinColor::new((&plan.tissue).into());
    let tone = [plan.tone * (1.0 + visit.change.tan), plan.blood * (1.0 + visit.change.flush)];
    let (shading, highlights) = (lit.shading(&layers), lit.highlights(&layers));
    for channel in 0..3 {
        let soft = gaussian(&shading, SPREAD_MM[channel] * pose.px_per_mm);
        exposure.take(channel, lit.light(channel, &layers, &color, tone, soft, &highlights));
    }
    exposure.finish()
}

/// Ground and features on the pixels of a photo.
fn paint(plan: &PatientPlan, pose: &Pose, ground: &Ground, features: &[&dyn Feature]) -> Layers {
    let (width, height) = (plan.width as usize, plan.height as usize);
    let boxes: Vec<Box> = features.iter().map(|feature| Box::of(*feature, pose, width, height)).collect();
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
        let skin = paint_band(band * BAND, heights.len() / width, width, pose, ground, (features, &boxes));
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
struct Box {
    columns: (usize, usize),
    rows: (usize, usize),
}

impl Box {
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
    (features, boxes): (&[&dyn Feature], &[Box]),
) -> Vec<Skin> {
    let pixel = (1.0 / pose.px_per_mm) as f32;
    let mut places = vec![[0.0f32; 2]; count * width];
    places.chunks_exact_mut(width).enumerate().for_each(|(i, row)| pose.row(top + i, row));
    let mut skin: Vec<Skin> = places.iter().map(|&[x, y]| ground.at(x, y, pixel)).collect();
    for (feature, bounds) in features.iter().zip(boxes) {
        let [cx, cy] = feature.centre().map(|value| value as f32);
        for y in bounds.rows.0.max(top)..bounds.rows.1.min(top + count) {
            for i in (y - top) * width + bounds.columns.0..(y - top) * width + bounds.columns.1 {
                feature.shape(places[i][0] - cx, places[i][1] - cy, pixel, &mut skin[i]);
            }
        }
    }
    skin
}

/// The light of one photo.
struct Lighting<'a> {
    light: &'a LightPlan,
    /// Seed of where the skin is oily.
    oil: u32,
    pose: &'a Pose,
    size: (u32, u32),
}

impl Lighting<'_> {
    /// Unit vector towards the light: x right, y down, z off the skin.
    fn direction(&self) -> [f32; 3] {
        let (sin, cos) = self.light.azimuth_deg.to_radians().sin_cos();
        let (up, out) = self.light.elevation_deg.to_radians().sin_cos();
        [(cos * out) as f32, (-sin * out) as f32, up as f32]
    }

    /// Light that falls on each pixel relative to flat open skin (Lambert).
    fn shading(&self, layers: &Layers) -> Plane {
        let ([lx, ly, lz], ambient) = (self.direction(), self.light.ambient as f32);
        self.rows(|y, x, out| {
            let [nx, ny, nz] = layers.normal(x, y, self.pose.px_per_mm as f32);
            let direct = ((nx * lx + ny * ly + nz * lz) / lz).max(0.0);
            *out = layers.openness[y * layers.width + x] * (ambient + (1.0 - ambient) * direct);
        })
    }

    /// Light mirrored by the surface, linear.
    fn highlights(&self, layers: &Layers) -> Plane {
        let [lx, ly, lz] = self.direction();
        let length = (lx * lx + ly * ly + (lz + 1.0) * (lz + 1.0)).sqrt();
        let half = [lx / length, ly / length, (lz + 1.0) / length];
        self.rows(|y, x, out| {
            let normal = layers.normal(x, y, self.pose.px_per_mm as f32);
            let facing = normal.iter().zip(half).map(|(n, h)| n * h).sum::<f32>().max(0.0);
            *out = self.light.shine as f32 * (1.0 + OIL * self.oiliness(x, y)) * facing.powf(SHININESS);
        })
    }

    /// How oily a pixel is, `0..=1`: patches of about a centimetre.
    fn oiliness(&self, x: usize, y: usize) -> f32 {
        let share = self.light.glare as f32;
        if share == 0.0 {
            return 0.0;
        }
        let scale = 1.0 / (9.0 * self.pose.px_per_mm as f32);
        let (u, v) = (x as f32 * scale, y as f32 * scale);
        let wave = smooth(u, v, self.oil) + 0.4 * smooth(3.1 * u, 3.1 * v, self.oil ^ 1);
        ((wave - 0.9 + 1.8 * share) / 0.25).clamp(0.0, 1.0)
    }

    /// Light on the sensor in one channel.
    fn light(
        &self,
        channel: usize,
        layers: &Layers,
        color: &SkinColor,
        [melanin, blood]: [f64; 2],
        mut shading: Plane,
        highlights: &Plane,
    ) -> Plane {
        let gain = self.light.exposure as f32
            * [self.light.white_balance[0], 1.0, self.light.white_balance[1]][channel] as f32;
        let (melanin, blood, haze) = (melanin as f32, blood as f32, self.light.haze as f32);
        let width = layers.width;
        let values = shading.as_slice_mut().expect("planes are kept in standard layout");
        values.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
            let mirrored = row(highlights, y);
            for (x, value) in out.iter_mut().enumerate() {
                let i = y * width + x;
                let density = color.density(channel, melanin * layers.melanin[i], blood * layers.blood[i]);
                let skin = *value * (-density).exp() + haze + mirrored[x];
                let seen = skin + (HAIR[channel] - skin) * layers.hair[i];
                *value = seen * gain * self.fall_off(x, y);
            }
        });
        shading
    }

    /// Illumination relative to the photo's centre.
    fn fall_off(&self, x: usize, y: usize) -> f32 {
        let (width, height) = (self.size.0 as f32, self.size.1 as f32);
        let [lx, ly, _] = self.direction();
        let length = lx.hypot(ly);
        if length < 1e-4 {
            return 1.0;
        }
        let along = ((x as f32 - 0.5 * width) * lx + (y as f32 - 0.5 * height) * ly) / length;
        (self.light.gradient as f32 * along / (0.5 * width.max(height))).exp()
    }

    fn rows(&self, value: impl Fn(usize, usize, &mut f32) + Sync) -> Plane {
        raster::rows(self.size.0 as usize, self.size.1 as usize, |y, out| {
            out.iter_mut().enumerate().for_each(|(x, pixel)| value(y, x, pixel));
        })
    }
}

impl Layers {
    /// Unit normal of the skin at a pixel, by central differences.
    fn normal(&self, x: usize, y: usize, px_per_mm: f32) -> [f32; 3] {
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
