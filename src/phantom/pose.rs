//! Where skin appears in a photo: a smooth deformation of the skin, then a
//! turn, a size, a shift and a perspective.

use nalgebra::{Matrix3, Vector3};
use rand::Rng;

use super::noise::stream;
use super::patient::{CameraPlan, PatientPlan};
use rand_distr::{Distribution, StandardNormal};

/// Every how many pixels the way back to the skin is worked out exactly; in
/// between it is interpolated. It bends by less than 0.005 pixels over this.
const STRIDE: usize = 8;
/// Rounds of the search for the skin point; each gains about a decimal digit.
const ROUNDS: usize = 10;

/// The map between skin (mm) and one photo (pixels).
#[derive(Debug, Clone, PartialEq)]
pub struct Pose {
    /// Deformed skin, mm, to photo, pixels (homogeneous).
    pub to_photo: Matrix3<f64>,
    to_skin: Matrix3<f64>,
    /// Pixels per mm of skin at the photo's centre.
    pub px_per_mm: f64,
    waves: Vec<Wave>,
}

/// One wave of the deformation.
#[derive(Debug, Clone, PartialEq)]
struct Wave {
    /// Radians per mm.
    rate: [f64; 2],
    phase: f64,
    /// Displacement, mm.
    push: [f64; 2],
}

impl Pose {
    /// The pose of shot number `shot` of `view` in `session`.
    pub fn of(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> Self {
        let camera = held(plan, view, session, shot);
        let [width, height] = plan.field_mm();
        let px_per_mm = plan.px_per_mm * camera.magnification;
        let (sin, cos) = camera.rotation_deg.to_radians().sin_cos();
        let [right, down] = camera.shift_mm;
        let turned = Matrix3::new(cos, -sin, right, sin, cos, down, 0.0, 0.0, 1.0);
        let (gx, gy) = (2.0 * camera.tilt[0] / width, 2.0 * camera.tilt[1] / height);
        let tilted = Matrix3::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, gx, gy, 1.0);
        let (cx, cy) = (f64::from(plan.width - 1) / 2.0, f64::from(plan.height - 1) / 2.0);
        let placed = Matrix3::new(px_per_mm, 0.0, cx, 0.0, px_per_mm, cy, 0.0, 0.0, 1.0);
        let to_photo = placed * tilted * turned;
        let to_skin = to_photo.try_inverse().expect("a pose in its ranges is invertible");
        let waves =
            waves(camera.elastic_mm, width.max(height), plan.seed, &[view as u64, 200, session as u64]);
        Self { to_photo, to_skin, px_per_mm, waves }
    }

    /// The pixel at which a point of the skin, mm, appears.
    pub fn project(&self, skin: [f64; 2]) -> [f64; 2] {
        let [dx, dy] = self.displacement(skin);
        apply(&self.to_photo, [skin[0] + dx, skin[1] + dy])
    }

    /// The point of the skin, mm, that appears at a pixel.
    pub fn unproject(&self, pixel: [f64; 2]) -> [f64; 2] {
        let deformed = apply(&self.to_skin, pixel);
        let mut skin = deformed;
        if !self.waves.is_empty() {
            for _ in 0..ROUNDS {
                let [dx, dy] = self.displacement(skin);
                skin = [deformed[0] - dx, deformed[1] - dy];
            }
        }
        skin
    }

    /// The skin points, mm, of the pixels of row `y`.
    pub fn row(&self, y: usize, out: &mut [[f32; 2]]) {
        let mut left = self.unproject([0.0, y as f64]);
        for (block, points) in out.chunks_mut(STRIDE).enumerate() {
            let right = self.unproject([((block + 1) * STRIDE) as f64, y as f64]);
            for (i, point) in points.iter_mut().enumerate() {
                let t = i as f64 / STRIDE as f64;
                *point = [0, 1].map(|axis| (left[axis] + (right[axis] - left[axis]) * t) as f32);
            }
            left = right;
        }
    }

    fn displacement(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.waves.iter().fold([0.0; 2], |[dx, dy], wave| {
            let swing = (wave.rate[0] * x + wave.rate[1] * y + wave.phase).sin();
            [dx + wave.push[0] * swing, dy + wave.push[1] * swing]
        })
    }
}

/// The camera of a session as it was held for one shot: the first as planned,
/// the others a little off.
fn held(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> CameraPlan {
    let mut camera = plan.sessions[session].camera.clone();
    if shot > 0 {
        let random = &mut stream(plan.seed, &[view as u64, 300, session as u64, u64::from(shot)]);
        let mut normal =
            || camera.reposition_mm * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, random);
        let (right, down, turn, size) = (normal(), normal(), normal(), normal());
        camera.shift_mm = [camera.shift_mm[0] + right, camera.shift_mm[1] + down];
        camera.rotation_deg += turn;
        camera.magnification *= (0.01 * size).exp();
    }
    camera
}

/// Three waves each way, whose sum has the root mean square `rms` mm.
fn waves(rms: f64, longer_side_mm: f64, seed: u64, purpose: &[u64]) -> Vec<Wave> {
    if rms == 0.0 {
        return Vec::new();
    }
    let random = &mut stream(seed, purpose);
    let shortest = longer_side_mm.max(100.0 * rms);
    (0..6)
        .map(|i| {
            let (sin, cos) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
            let rate = std::f64::consts::TAU / (shortest * (0.8 + 0.8 * random.random::<f64>()));
            let size = rms / 3f64.sqrt();
            Wave {
                rate: [rate * cos, rate * sin],
                phase: std::f64::consts::TAU * random.random::<f64>(),
                push: if i % 2 == 0 { [size, 0.0] } else { [0.0, size] },
            }
        })
        .collect()
}

/// A point through a homogeneous matrix.
pub fn apply(matrix: &Matrix3<f64>, [x, y]: [f64; 2]) -> [f64; 2] {
    let mapped = matrix * Vector3::new(x, y, 1.0);
    [mapped.x / mapped.z, mapped.y / mapped.z]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PatientPlan {
        let mut plan = PatientPlan { width: 401, height: 301, px_per_mm: 10.0, ..PatientPlan::default() };
        let camera = &mut plan.sessions[1].camera;
        *camera = CameraPlan::default();
        plan
    }

    #[test]
    fn an_unmoved_camera_puts_the_middle_of_the_skin_in_the_middle() {
        let pose = Pose::of(&plan(), 0, 0, 0);
        assert_eq!(pose.project([0.0, 0.0]), [200.0, 150.0]);
        assert_eq!(pose.project([1.0, -2.0]), [210.0, 130.0]);
    }

    #[test]
    fn a_quarter_turn_turns_right_to_down() {
        let mut plan = plan();
        plan.sessions[1].camera.rotation_deg = 90.0;
        plan.sessions[1].camera.magnification = 2.0;
        let [x, y] = Pose::of(&plan, 0, 1, 0).project([1.0, 0.0]);
        assert!((x - 200.0).abs() < 1e-9 && (y - 170.0).abs() < 1e-9);
    }

    #[test]
    fn tilt_takes_its_share_of_the_size_at_the_edge() {
        let mut plan = plan();
        plan.sessions[1].camera.tilt = [0.1, 0.0];
        let pose = Pose::of(&plan, 0, 1, 0);
        // At half the width, 20.05 mm, the size is 1 / 1.1 of the centre's.
        let [x, _] = pose.project([20.05, 0.0]);
        assert!((x - (200.0 + 200.5 / 1.1)).abs() < 1e-9);
    }

    #[test]
    fn the_way_back_is_the_inverse_even_when_deformed() {
        let mut plan = plan();
        plan.sessions[1].camera = CameraPlan {
            rotation_deg: -20.0,
            magnification: 1.3,
            shift_mm: [2.0, 1.0],
            tilt: [0.03, -0.02],
            elastic_mm: 0.4,
            ..CameraPlan::default()
        };
        let pose = Pose::of(&plan, 0, 1, 0);
        let mut row = vec![[0.0f32; 2]; 401];
        pose.row(77, &mut row);
        for (x, point) in row.iter().enumerate() {
            let [there, down] = pose.project(pose.unproject([x as f64, 77.0]));
            assert!((there - x as f64).abs() < 1e-6 && (down - 77.0).abs() < 1e-6);
            let [there, down] = pose.project(point.map(f64::from));
            assert!((there - x as f64).abs() < 0.01 && (down - 77.0).abs() < 0.01);
        }
    }

    #[test]
    fn the_deformation_is_as_strong_as_planned() {
        let mut plan = plan();
        plan.sessions[1].camera.elastic_mm = 0.3;
        let mut sum = 0.0;
        for seed in 0..40 {
            plan.seed = seed;
            let pose = Pose::of(&plan, 0, 1, 0);
            for i in 0..25 {
                let [dx, dy] = pose.displacement([f64::from(i % 5 - 2) * 8.0, f64::from(i / 5 - 2) * 6.0]);
                sum += (dx * dx + dy * dy) / 1000.0;
            }
        }
        assert!((sum.sqrt() - 0.3).abs() < 0.03, "{}", sum.sqrt());
    }

    #[test]
    fn repeated_shots_are_moved_and_the_first_is_not() {
        let plan = plan();
        assert_eq!(Pose::of(&plan, 0, 1, 0).project([0.0; 2]), [200.0, 150.0]);
        assert_ne!(Pose::of(&plan, 0, 1, 1), Pose::of(&plan, 0, 1, 2));
    }
}
