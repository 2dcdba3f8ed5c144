//! The crescents of a pit under light from one side: how each shape of pit is
//! drawn, and the least-squares fit of its dark and of its bright side.

use crate::filter::gaussian::gaussian;
use crate::raster::Plane;
use crate::units::FilterScale;

/// How far light spreads in the skin, mm: edges of crescents are no sharper.
const SPREAD_MM: f64 = 0.15;

/// Radius, mm, from which crescents change little over two cells. In mm, so that
/// what shapes explain is compared alike at every resolution.
const SPARSE_MM: f64 = 1.2;

/// The shape of a pit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// A cone: an ice-pick scar.
    Funnel,
    /// Steep walls and a flat floor: a boxcar scar.
    Floor,
    /// A Gaussian: a rolling scar.
    Bowl,
}

impl Profile {
    pub(super) const ALL: [Self; 3] = [Self::Funnel, Self::Floor, Self::Bowl];

    /// Share of the depth at `r` radii from the centre.
    pub fn depth(self, r: f64) -> f64 {
        let ln2 = std::f64::consts::LN_2;
        match self {
            Self::Funnel => (1.0 - r).max(0.0),
            Self::Floor => (-ln2 * r.powi(6)).exp(),
            Self::Bowl => (-ln2 * r * r).exp(),
        }
    }

    /// Slope of the wall at `r` radii from the centre, per radius.
    pub fn slope(self, r: f64) -> f64 {
        let ln2 = std::f64::consts::LN_2;
        match self {
            Self::Funnel => f64::from(u8::from(r < 1.0)),
            Self::Floor => 6.0 * ln2 * r.powi(5) * (-ln2 * r.powi(6)).exp(),
            Self::Bowl => 2.0 * ln2 * r * (-ln2 * r * r).exp(),
        }
    }

    /// How far the fit reaches, mm.
    pub fn reach(self, radius: f64) -> f64 {
        radius * if self == Self::Bowl { 2.3 } else { 1.9 }
    }
}

/// A cell of a drawn profile.
pub(super) struct Cell {
    pub dx: isize,
    pub dy: isize,
    /// Darkening, at most 1 either way.
    pub shade: f64,
}

/// A profile as the light shades it.
pub(super) struct Shape {
    pub profile: Profile,
    pub radius: f64,
    /// Every how many cells it is drawn: large ones are smooth.
    pub step: usize,
    pub cells: Vec<Cell>,
    /// Sums of squares of the dark and of the bright side.
    pub energy: [f64; 2],
}

impl Shape {
    pub fn new(profile: Profile, radius: f64, scale: FilterScale, [ux, uy]: [f64; 2]) -> Self {
        let reach = scale.px(profile.reach(radius));
        let side = reach.ceil() as isize + scale.px(3.0 * SPREAD_MM).ceil() as isize;
        let at = |i: usize| i as isize - side;
        let count = 2 * side as usize + 1;
        let sharp = Plane::from_shape_fn((count, count), |(y, x)| {
            let (dx, dy) = (scale.mm(at(x) as f64), scale.mm(at(y) as f64));
            let r = dx.hypot(dy);
            if r == 0.0 { 0.0 } else { (profile.slope(r / radius) * (dx * ux + dy * uy) / r) as f32 }
        });
        let soft = gaussian(&sharp, scale.px(SPREAD_MM));
        let most = soft.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let step = if radius >= SPARSE_MM { 2 } else { 1 };
        let mut energy = [0.0; 2];
        let mut cells = Vec::new();
        for ((y, x), &value) in soft.indexed_iter() {
            let (dx, dy) = (at(x), at(y));
            let drawn = dx.rem_euclid(step as isize) == 0 && dy.rem_euclid(step as isize) == 0;
            if drawn && (dx as f64).hypot(dy as f64) < reach {
                let shade = f64::from(value / most);
                energy[usize::from(shade < 0.0)] += shade * shade;
                cells.push(Cell { dx, dy, shade });
            }
        }
        Self { profile, radius, step, cells, energy }
    }
}

/// Sums of a least-squares fit of a dark side, a bright side and a level to one channel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub count: f64,
    /// Sum and sum of squares of each side; they do not overlap.
    pub dark: [f64; 2],
    pub bright: [f64; 2],
    /// Products of the values with the dark side, the bright side and 1.
    values: [f64; 3],
    /// Sum of squares of the values.
    squares: f64,
}

impl Sums {
    pub fn add(&mut self, shade: f64, value: f64) {
        self.count += 1.0;
        let (side, which) = if shade >= 0.0 { (&mut self.dark, 0) } else { (&mut self.bright, 1) };
        side[0] += shade;
        side[1] += shade * shade;
        self.values[which] += shade * value;
        self.values[2] += value;
        self.squares += value * value;
    }

    /// Depth of the dark side, height of the bright one, and the level.
    pub fn solve(&self) -> Option<[f64; 3]> {
        let ([d, dd], [b, bb], [dark, bright, all]) = (self.dark, self.bright, self.values);
        let schur = self.count - d * d / dd - b * b / bb;
        if dd <= 0.0 || bb <= 0.0 || schur <= 0.0 {
            return None;
        }
        let level = (all - d * dark / dd - b * bright / bb) / schur;
        Some([(dark - d * level) / dd, (bright - b * level) / bb, level])
    }

    /// Sum of squares about the mean.
    pub fn variation(&self) -> f64 {
        self.squares - self.values[2] * self.values[2] / self.count
    }

    /// Sum of squares about the fit.
    pub fn left(&self, solved: [f64; 3]) -> f64 {
        self.squares - self.values.iter().zip(solved).map(|(sum, factor)| sum * factor).sum::<f64>()
    }

    /// Standard errors of both sides for residuals of 1.
    pub fn unit_errors(&self) -> [f64; 2] {
        let ([d, dd], [b, bb]) = (self.dark, self.bright);
        let schur = self.count - d * d / dd - b * b / bb;
        [1.0 / dd + (d / dd).powi(2) / schur, 1.0 / bb + (b / bb).powi(2) / schur].map(f64::sqrt)
    }
}
