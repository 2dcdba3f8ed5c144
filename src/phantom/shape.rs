//! Shapes on the skin, in millimetres: irregular outlines and gentle curves.

use rand::Rng;

/// How many numbers of lobes an outline swings with.
const LOBES: usize = 8;

/// A closed outline about its origin whose radius swings with the angle.
/// It encloses as much as the disc of its radius.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outline {
    /// Radius of the disc of equal area, mm.
    pub radius: f64,
    /// Cosine and sine part, relative to the radius, of the swings with 2 to 9 lobes.
    lobes: [(f64, f64); LOBES],
}

impl Outline {
    /// A disc.
    pub fn disc(radius: f64) -> Self {
        Self { radius, lobes: [(0.0, 0.0); LOBES] }
    }

    /// An irregular outline: swings of up to `strength`, less for more lobes
    /// (as `2 / lobes` to the power 1.6).
    pub fn irregular(radius: f64, strength: f64, random: &mut impl Rng) -> Self {
        let lobes = std::array::from_fn(|i| {
            let share = (2.0 / (i + 2) as f64).powf(1.6);
            let (size, phase) = (share * strength * random.random::<f64>(), random.random::<f64>());
            let (sin, cos) = (std::f64::consts::TAU * phase).sin_cos();
            (size * cos, size * sin)
        });
        Self { radius, lobes }
    }

    /// Radius, mm, in the direction of the unit vector (`cos`, `sin`).
    pub fn radius_towards(&self, cos: f64, sin: f64) -> f64 {
        let power: f64 = self.lobes.iter().map(|(a, b)| a * a + b * b).sum();
        let (mut c, mut s) = (cos, sin);
        let mut swing = 1.0;
        for (a, b) in self.lobes {
            (c, s) = (c * cos - s * sin, s * cos + c * sin);
            swing += a * c + b * s;
        }
        self.radius * swing / (1.0 + 0.5 * power).sqrt()
    }

    /// The largest radius that the outline can have, mm.
    pub fn reach(&self) -> f64 {
        self.radius * (1.0 + self.lobes.iter().map(|(a, b)| a.hypot(*b)).sum::<f64>())
    }

    /// How much of the point (`dx`, `dy`) from the origin belongs to the
    /// shape, `0..=1`, when its edge is `edge` mm soft on each side.
    pub fn coverage(&self, dx: f64, dy: f64, edge: f64) -> f64 {
        let distance = dx.hypot(dy);
        if distance > self.reach() + edge {
            return 0.0;
        }
        let (cos, sin) = if distance > 0.0 { (dx / distance, dy / distance) } else { (1.0, 0.0) };
        step((self.radius_towards(cos, sin) - distance) / edge.max(1e-9))
    }

    /// The integral of `value(coverage)` over the shape, mm², and the mean
    /// position weighted by it. `value(0)` must be 0.
    pub fn integrate(&self, edge: f64, value: impl Fn(f64) -> f64) -> (f64, [f64; 2]) {
        // The swings have at most 9 lobes: 90 angles integrate their cubes exactly.
        const ANGLES: usize = 90;
        const STEPS: usize = 32;
        let core = value(1.0);
        let (mut total, mut moment) = (0.0, [0.0; 2]);
        for i in 0..ANGLES {
            let (sin, cos) = (std::f64::consts::TAU * i as f64 / ANGLES as f64).sin_cos();
            let radius = self.radius_towards(cos, sin);
            let inner = (radius - edge).max(0.0);
            let (mut area, mut lever) = (core * inner * inner / 2.0, core * inner.powi(3) / 3.0);
            let width = (radius + edge - inner) / STEPS as f64;
            for k in 0..STEPS {
                let distance = inner + (k as f64 + 0.5) * width;
                let share = value(step((radius - distance) / edge.max(1e-9))) * distance * width;
                area += share;
                lever += share * distance;
            }
            total += area;
            moment = [moment[0] + lever * cos, moment[1] + lever * sin];
        }
        let slice = std::f64::consts::TAU / ANGLES as f64;
        let mean = if total == 0.0 { [0.0; 2] } else { moment.map(|m| m / total) };
        (total * slice, mean)
    }
}

/// A smooth step from 0 at −1 to 1 at 1.
fn step(x: f64) -> f64 {
    let t = (0.5 + 0.5 * x).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A gently winding line of finite length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// Its middle, mm.
    pub centre: [f64; 2],
    /// Length along its axis, mm.
    pub length: f64,
    /// Unit vector of its axis.
    axis: [f64; 2],
    /// Amplitude, mm, and phase of its swings with 1 and 2.3 periods.
    swings: [(f64, f64); 2],
}

impl Curve {
    /// A curve of `length` about `centre`, along `direction_deg` from x
    /// towards the top, that strays from its axis by about `bend` of its length.
    pub fn new(centre: [f64; 2], length: f64, direction_deg: f64, bend: f64, random: &mut impl Rng) -> Self {
        let (sin, cos) = direction_deg.to_radians().sin_cos();
        let swings = [1.0, 0.35].map(|share| {
            let size = share * bend * length * (0.4 + 0.6 * random.random::<f64>());
            (size, std::f64::consts::TAU * random.random::<f64>())
        });
        Self { centre, length, axis: [cos, -sin], swings }
    }

    /// Position along the axis, `-1..=1` inside the curve, and distance from
    /// the curve, mm, of the point (`dx`, `dy`) from its middle.
    pub fn place(&self, dx: f32, dy: f32) -> (f32, f32) {
        let (ax, ay) = (self.axis[0] as f32, self.axis[1] as f32);
        let (along, across) = (dx * ax + dy * ay, dy * ax - dx * ay);
        let t = 2.0 * along / self.length as f32;
        let (offset, slope) = self.swing(t);
        (t, (across - offset) / (1.0 + slope * slope).sqrt())
    }

    /// Offset across the axis, mm, and its slope, at `t` in `-1..=1`.
    fn swing(&self, t: f32) -> (f32, f32) {
        let (mut offset, mut slope) = (0.0, 0.0);
        for ((size, phase), periods) in self.swings.iter().zip([1.0f32, 2.3]) {
            let turn = std::f32::consts::PI * periods;
            let (sin, cos) = (turn * t + *phase as f32).sin_cos();
            offset += *size as f32 * sin;
            slope += *size as f32 * cos * turn * 2.0 / self.length as f32;
        }
        (offset, slope)
    }

    /// A radius about the middle, mm, that holds the whole curve.
    pub fn reach(&self) -> f64 {
        self.length / 2.0 + self.swings.iter().map(|swing| swing.0).sum::<f64>()
    }

    /// Points along the curve, mm, from end to end.
    pub fn points(&self) -> Vec<[f64; 2]> {
        (-16..=16)
            .map(|i| {
                let t = f64::from(i) / 16.0;
                let (along, across) = (t * self.length / 2.0, f64::from(self.swing(t as f32).0));
                let [ax, ay] = self.axis;
                [self.centre[0] + along * ax - across * ay, self.centre[1] + along * ay + across * ax]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::noise::stream;

    #[test]
    fn a_hard_disc_encloses_pi_r_squared() {
        let (area, centre) = Outline::disc(1.5).integrate(0.0, |coverage| coverage);
        assert!((area - std::f64::consts::PI * 2.25).abs() < 1e-9);
        assert!(centre[0].abs() < 1e-12 && centre[1].abs() < 1e-12);
    }

    /// A soft edge symmetric about the radius adds the second moment of its
    /// step: π r² + 2π ∫ (coverage − [inside]) u du = π r² + 2π e²/10 for this step.
    #[test]
    fn a_soft_edge_adds_what_its_second_moment_says() {
        let (area, _) = Outline::disc(2.0).integrate(0.5, |coverage| coverage);
        let expected = std::f64::consts::PI * (4.0 + 0.2 * 0.25);
        assert!((area - expected).abs() < 1e-3, "{area} {expected}");
    }

    #[test]
    fn an_irregular_outline_keeps_the_area_of_its_disc() {
        let outline = Outline::irregular(2.0, 0.3, &mut stream(4, &[]));
        let (area, _) = outline.integrate(0.0, |coverage| coverage);
        assert!((area - 4.0 * std::f64::consts::PI).abs() < 1e-6, "{area}");
        let mut sum = 0.0;
        for y in -400..400 {
            for x in -400..400 {
                sum += outline.coverage(f64::from(x) / 100.0, f64::from(y) / 100.0, 0.02) * 1e-4;
            }
        }
        assert!((sum - area).abs() < 0.01, "{sum} {area}");
    }

    #[test]
    fn the_points_of_a_curve_lie_on_it() {
        let curve = Curve::new([3.0, -2.0], 12.0, 35.0, 0.05, &mut stream(5, &[]));
        for [x, y] in curve.points() {
            let (t, distance) = curve.place((x - 3.0) as f32, (y + 2.0) as f32);
            assert!(distance.abs() < 1e-4 && t.abs() < 1.0001);
            assert!((x - 3.0).hypot(y + 2.0) <= curve.reach());
        }
    }
}
