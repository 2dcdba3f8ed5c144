//! The light that falls on skin and the light that comes back.

use rayon::prelude::*;

use super::noise::smooth;
use super::optics::SkinColor;
use super::patient::LightPlan;
use super::pose::Pose;
use super::render::Layers;
use crate::filter::gaussian::gaussian;
use crate::raster::{Plane, row};

/// How far light spreads below the surface, R, G, B, mm: shading is softer in red.
const SPREAD_MM: [f64; 3] = [0.25, 0.12, 0.07];
/// Share of the light that comes back where it went in.
const UNSPREAD: f32 = 0.3;
/// Exponent of the highlights (Blinn 1977, *SIGGRAPH* 11:192).
const SHININESS: i32 = 20;
/// How much stronger highlights are on oily skin.
const OIL: f32 = 14.0;
/// Linear colour of dark hair, R, G, B.
const HAIR: [f32; 3] = [0.030, 0.021, 0.015];

/// The light of one photo.
pub struct Lighting<'a> {
    plan: &'a LightPlan,
    /// Seed of where the skin is oily.
    oil: u32,
    px_per_mm: f64,
    /// Towards the light: x right, y down, z off the skin.
    direction: [f32; 3],
    /// Half-way between the light and the camera.
    half_way: [f32; 3],
    /// Change of the logarithm of the illumination per pixel along x and y.
    gradient: [f32; 2],
    /// The photo's middle, pixels.
    middle: [f32; 2],
}

impl<'a> Lighting<'a> {
    /// The light of a photo of `size` pixels; `oil` seeds where it shines.
    pub fn new(plan: &'a LightPlan, pose: &Pose, oil: u32, size: (u32, u32)) -> Self {
        let (sin, cos) = plan.azimuth_deg.to_radians().sin_cos();
        let (up, flat) = plan.elevation_deg.to_radians().sin_cos();
        let direction = [(cos * flat) as f32, (-sin * flat) as f32, up as f32];
        let length = (2.0 * (1.0 + up)).sqrt() as f32;
        let slope = plan.gradient / (0.5 * f64::from(size.0.max(size.1)));
        Self {
            plan,
            oil,
            px_per_mm: pose.px_per_mm,
            direction,
            half_way: [direction[0] / length, direction[1] / length, (direction[2] + 1.0) / length],
            gradient: [(slope * cos) as f32, (-slope * sin) as f32],
            middle: [size.0 as f32 / 2.0, size.1 as f32 / 2.0],
        }
    }

    /// Two planes: light that enters each pixel relative to flat open skin
    /// (Lambert), and light mirrored by its surface, linear.
    pub fn fall(&self, layers: &Layers) -> (Plane, Plane) {
        let (width, height) = (layers.width, layers.openness.len() / layers.width);
        let (mut shading, mut highlights) = (Plane::zeros((height, width)), Plane::zeros((height, width)));
        let planes =
            [&mut shading, &mut highlights].map(|plane| plane.as_slice_mut().expect("standard layout"));
        let [shades, mirrors] = planes;
        shades.par_chunks_mut(width).zip(mirrors.par_chunks_mut(width)).enumerate().for_each(|(y, rows)| {
            for (x, (shade, mirror)) in rows.0.iter_mut().zip(rows.1).enumerate() {
                let normal = layers.normal(x, y, self.px_per_mm as f32);
                *shade = layers.openness[y * width + x] * self.entering(normal);
                *mirror = self.mirrored(normal) * (1.0 + OIL * self.oiliness(x, y));
            }
        });
        (shading, highlights)
    }

    fn entering(&self, normal: [f32; 3]) -> f32 {
        let ambient = self.plan.ambient as f32;
        ambient + (1.0 - ambient) * (dot(normal, self.direction) / self.direction[2]).max(0.0)
    }

    fn mirrored(&self, normal: [f32; 3]) -> f32 {
        self.plan.shine as f32 * dot(normal, self.half_way).max(0.0).powi(SHININESS)
    }

    /// How oily a pixel is, `0..=1`: patches of about a centimetre.
    fn oiliness(&self, x: usize, y: usize) -> f32 {
        let share = self.plan.glare as f32;
        if share == 0.0 {
            return 0.0;
        }
        let scale = 1.0 / (8.0 * self.px_per_mm as f32);
        let (u, v) = (x as f32 * scale, y as f32 * scale);
        let wave = smooth(u, v, self.oil) + 0.5 * smooth(2.7 * u + 0.7 * v, 2.7 * v - 0.7 * u, self.oil ^ 1);
        let t = (0.5 * (wave - 2.2 + 4.4 * share)).clamp(0.0, 1.0);
        t * t
    }

    /// Light that comes back from skin of melanin and blood fraction `tone`
    /// to the sensor in one channel, linear.
    pub fn returned(
        &self,
        channel: usize,
        layers: &Layers,
        color: &SkinColor,
        tone: [f64; 2],
        shading: &Plane,
        highlights: &Plane,
    ) -> Plane {
        let mut light = gaussian(shading, SPREAD_MM[channel] * self.px_per_mm);
        let balance = [self.plan.white_balance[0], 1.0, self.plan.white_balance[1]][channel];
        let gain = (self.plan.exposure * balance) as f32;
        let [melanin, blood] = tone.map(|fraction| fraction as f32);
        let width = layers.width;
        let values = light.as_slice_mut().expect("planes are kept in standard layout");
        values.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
            for (x, value) in out.iter_mut().enumerate() {
                let i = y * width + x;
                let entering = UNSPREAD * row(shading, y)[x] + (1.0 - UNSPREAD) * *value;
                let density = color.density(channel, melanin * layers.melanin[i], blood * layers.blood[i]);
                let skin = entering * (-density).exp() + self.plan.haze as f32 + row(highlights, y)[x];
                *value = (skin + (HAIR[channel] - skin) * layers.hair[i]) * gain * self.fall_off(x, y);
            }
        });
        light
    }

    /// What a white, flat place of a pixel sends to the sensor in one channel.
    pub fn falling(&self, channel: usize, x: usize, y: usize) -> f32 {
        let balance = [self.plan.white_balance[0], 1.0, self.plan.white_balance[1]][channel];
        (self.plan.exposure * balance) as f32 * self.fall_off(x, y)
    }

    /// Illumination relative to the photo's middle.
    fn fall_off(&self, x: usize, y: usize) -> f32 {
        let along =
            (x as f32 - self.middle[0]) * self.gradient[0] + (y as f32 - self.middle[1]) * self.gradient[1];
        along.exp()
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::patient::PatientPlan;

    fn lighting(plan: &LightPlan) -> Lighting<'_> {
        let pose = Pose::of(&PatientPlan::default(), 0, 0, 0);
        Lighting::new(plan, &pose, 1, (800, 600))
    }

    #[test]
    fn flat_skin_gets_all_of_the_light_and_a_slope_towards_it_more() {
        let plan = LightPlan { azimuth_deg: 0.0, elevation_deg: 45.0, ambient: 0.0, ..LightPlan::default() };
        let light = lighting(&plan);
        assert!((light.entering([0.0, 0.0, 1.0]) - 1.0).abs() < 1e-6);
        // Facing the light: 1 / sin 45°.
        let facing = std::f32::consts::FRAC_1_SQRT_2;
        assert!((light.entering([facing, 0.0, facing]) - 2f32.sqrt()).abs() < 1e-5);
        assert_eq!(light.entering([-1.0, 0.0, 0.0]), 0.0);
    }

    #[test]
    fn the_mirror_of_flat_skin_is_brightest_under_a_frontal_light() {
        let (frontal, oblique) = (
            LightPlan { elevation_deg: 90.0, ..LightPlan::default() },
            LightPlan { elevation_deg: 30.0, ..LightPlan::default() },
        );
        let flat = [0.0, 0.0, 1.0];
        assert!((lighting(&frontal).mirrored(flat) - 0.02).abs() < 1e-6);
        // Half-way to a light at 60° from the camera lies 30°: cos(30°)^20 = 0.0563.
        assert!((lighting(&oblique).mirrored(flat) - 0.02 * 0.0563).abs() < 1e-5);
    }

    #[test]
    fn the_gradient_reaches_its_value_at_the_edge_that_the_light_comes_from() {
        let plan = LightPlan { azimuth_deg: 180.0, gradient: 0.2, ..LightPlan::default() };
        assert!((lighting(&plan).fall_off(0, 300).ln() - 0.2).abs() < 1e-5);
        assert!((lighting(&plan).fall_off(400, 300) - 1.0).abs() < 1e-6);
    }
}
