//! The skin itself: its net of fine furrows and its uneven tone.

use super::features::Skin;
use super::noise::{cellular, lattice_seed, smooth};
use super::patient::PatientPlan;

/// Distance between furrows of the microrelief, mm.
const FURROW_SPACING_MM: f32 = 0.62;
/// Coarser pixels than this, mm, blur the microrelief away.
const RELIEF_PIXEL_MM: f32 = 0.22;
/// How much more blood varies from place to place than melanin.
const BLOOD_UNEVENNESS: f32 = 2.0;

/// Skin without features: the same at the same place, whenever it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    relief_mm: f32,
    mottling: f32,
    /// Unit vector along which the net of furrows is stretched.
    grain: [f32; 2],
    seeds: [u32; 8],
}

impl Ground {
    /// The ground of one view, with its microrelief smoothed by a fraction.
    pub fn of(plan: &PatientPlan, view: usize, relief_smoothing: f64) -> Self {
        let angle = plan.skin.wrinkle_direction_deg.to_radians();
        Self {
            relief_mm: (plan.skin.relief_mm * (1.0 - relief_smoothing)) as f32,
            mottling: plan.skin.mottling as f32,
            grain: [angle.cos() as f32, -angle.sin() as f32],
            seeds: std::array::from_fn(|i| lattice_seed(plan.seed, 1000 * (view as u64 + 1) + i as u64)),
        }
    }

    /// The skin at (`x`, `y`) mm, seen by pixels of `pixel` mm.
    pub fn at(&self, x: f32, y: f32, pixel: f32) -> Skin {
        let height = if self.relief_mm == 0.0 { 0.0 } else { self.relief(x, y, pixel) };
        let (melanin, blood) = if self.mottling == 0.0 { (1.0, 1.0) } else { self.tone(x, y) };
        Skin { height, melanin, blood, openness: 1.0, hair: 0.0 }
    }

    /// Melanin and blood relative to their means.
    fn tone(&self, x: f32, y: f32) -> (f32, f32) {
        let wave = |size: f32, seed: usize| smooth(x / size, y / size, self.seeds[seed]);
        let melanin = 0.8 * wave(9.0, 0) + 0.45 * wave(2.8, 1) + 0.4 * wave(0.7, 2);
        let blood = 0.75 * wave(12.0, 3) + 0.5 * wave(3.9, 4) + 0.43 * wave(1.1, 5);
        ((self.mottling * melanin).exp(), (BLOOD_UNEVENNESS * self.mottling * blood).exp())
    }

    /// Plateaus between furrows that meet in a net, with fine grain on top.
    fn relief(&self, x: f32, y: f32, pixel: f32) -> f32 {
        let [gx, gy] = self.grain;
        let (along, across) = (x * gx + y * gy, y * gx - x * gy);
        let stray = 0.14 * smooth(x / 1.7, y / 1.7, self.seeds[6]);
        let (u, v) = (along / (1.3 * FURROW_SPACING_MM) + stray, across / FURROW_SPACING_MM - stray);
        let (first, second) = cellular(u, v, self.seeds[6]);
        let furrow = (-((second - first) / 0.24).powi(2)).exp();
        let grain = smooth(x / 0.24, y / 0.24, self.seeds[7]);
        let seen = (-(pixel / RELIEF_PIXEL_MM).powi(2)).exp();
        self.relief_mm * seen * (0.1 * grain - 0.7 * furrow - 0.35 * first * first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::patient::SkinPlan;

    #[test]
    fn bare_ground_is_flat_and_even() {
        let plan = PatientPlan { skin: SkinPlan::bare(), ..PatientPlan::default() };
        let skin = Ground::of(&plan, 0, 0.0).at(3.3, -7.1, 0.05);
        assert_eq!(skin, Skin { height: 0.0, melanin: 1.0, blood: 1.0, openness: 1.0, hair: 0.0 });
    }

    #[test]
    fn mottling_is_centred_and_as_strong_as_planned() {
        let mut plan = PatientPlan::default();
        plan.skin.mottling = 0.1;
        let ground = Ground::of(&plan, 0, 0.0);
        let logs: Vec<f64> = (0..40_000)
            .map(|i| f64::from(ground.at((i % 200) as f32 * 0.7, (i / 200) as f32 * 0.9, 0.05).melanin.ln()))
            .collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let sd = (logs.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / logs.len() as f64).sqrt();
        assert!(mean.abs() < 0.02 && (sd - 0.1).abs() < 0.02, "{mean} {sd}");
    }

    #[test]
    fn smoothed_relief_is_lower_in_proportion() {
        let plan = PatientPlan::default();
        let (before, after) = (Ground::of(&plan, 0, 0.0), Ground::of(&plan, 0, 0.25));
        let (h, lower) = (before.at(1.0, 2.0, 0.05).height, after.at(1.0, 2.0, 0.05).height);
        assert!((lower / h - 0.75).abs() < 1e-5);
    }
}
