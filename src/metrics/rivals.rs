//! What could have drawn what looks like a pit: a pit, a spot, a furrow or a
//! bump, each as strongly as it explains the skin around a place.
//!
//! The three channels are decorrelated by the covariance of the baseline's
//! plain skin, so that what pigment and blood vary in anyway counts little and
//! what all channels share counts much. A pit, a bump and a furrow are drawn
//! as light from one side shades them; a spot may have any colour.

use nalgebra::Vector3;

use crate::filter::gaussian::gaussian;
use crate::metrics::crescents::Profile;
use crate::metrics::templates::{Ground, Template, Wall, draw, shading};
use crate::metrics::whitening::Whitening;
use crate::raster::Plane;
use crate::units::FilterScale;

/// Pits: profile, radius and depth, mm; the sizes of all that is compared are chosen by us.
const PITS: [(Profile, f64, f64); 19] = [
    (Profile::Funnel, 0.6, 0.2),
    (Profile::Funnel, 0.6, 0.45),
    (Profile::Funnel, 0.8, 0.2),
    (Profile::Funnel, 0.8, 0.45),
    (Profile::Funnel, 1.05, 0.2),
    (Profile::Funnel, 1.05, 0.45),
    (Profile::Floor, 0.8, 0.2),
    (Profile::Floor, 0.8, 0.45),
    (Profile::Floor, 1.05, 0.2),
    (Profile::Floor, 1.05, 0.45),
    (Profile::Floor, 1.4, 0.2),
    (Profile::Floor, 1.4, 0.45),
    (Profile::Floor, 1.8, 0.2),
    (Profile::Floor, 1.8, 0.45),
    (Profile::Bowl, 0.6, 0.3),
    (Profile::Bowl, 0.8, 0.3),
    (Profile::Bowl, 1.05, 0.3),
    (Profile::Bowl, 1.4, 0.3),
    (Profile::Bowl, 1.8, 0.3),
];

/// Radii of bumps, mm; they rise by a quarter of that, as papules do.
const BUMPS_MM: [f64; 3] = [0.6, 0.9, 1.3];

/// Radii of spots with an edge, and of those that fade, mm.
const SPOTS_MM: [f64; 7] = [0.3, 0.42, 0.6, 0.85, 1.2, 1.7, 2.4];
const FADING_MM: [f64; 3] = [0.5, 1.0, 2.0];

/// How far off the middle of what explains a place may be, radii of the pit.
const NEAR: f64 = 0.8;

/// How far off a spot may be whose edge a place is, radii of the pit that it is not.
const BESIDE: f64 = 1.4;

/// How much further off a stronger bump may be whose dark side a place is.
const FAR: isize = 3;

/// Furthest from a place that anything is looked for, mm: three times [`NEAR`] the widest pit, rounded up.
const FURTHEST_MM: f64 = 4.5;

/// How soft the edge of a spot is, mm.
const EDGE_MM: f64 = 0.08;

/// Standard deviations, mm, of the depth across furrows, which show a dark and a bright wall, how deep they
/// are as a share of that, their directions, and how far they are looked at.
const FURROWS_MM: [f64; 2] = [0.25, 0.42];
const FURROW_DEPTH: f64 = 0.5;
const DIRECTIONS: usize = 8;
const FURROW_REACH_MM: f64 = 3.0;

/// A place that may be the middle of a pit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Column and row of its cell.
    pub cell: [isize; 2],
    /// Radius of the pit, mm.
    pub radius_mm: f64,
}

/// What can be compared around the places of one photo: how strongly each
/// explains one, in standard deviations of plain skin that vary from cell to
/// cell alone; to be compared with one another only.
pub struct Rivals {
    ground: Ground,
    /// Cells from a place beyond which nothing is looked for: the ground's margin holds no more.
    furthest: isize,
    scale: FilterScale,
    pits: Vec<Template>,
    bumps: Vec<Template>,
    spots: Vec<Template>,
    furrows: Vec<Template>,
}

impl Rivals {
    /// The rivals on channels that have no slow variation and are 0 outside
    /// the skin, under light from the direction `towards`.
    pub fn of(channels: &[Plane; 3], scale: FilterScale, [ux, uy]: [f64; 2], whitening: &Whitening) -> Self {
        let shaded = |profile: Profile, radius, depth, light| {
            shading(profile.reach(radius), light, scale, |at| Wall::of_pit(profile, radius, depth, at))
        };
        let lit = |drawn: [Plane; 3]| Template::shaded(&drawn, whitening);
        let spot = |value: &dyn Fn(f64) -> f64, radius: f64| {
            let side = (scale.px(1.8 * radius + 0.5).round() as usize) + 2;
            let drawn = draw(side, |dx, dy| value(scale.mm(dx.hypot(dy))));
            Template::plain(&gaussian(&drawn, scale.px(0.1)))
        };
        let edged = SPOTS_MM.map(|r| spot(&|at| 1.0 / (1.0 + ((at - r) / EDGE_MM).exp()), r));
        let fading = FADING_MM.map(|r| spot(&|at| (-std::f64::consts::LN_2 * (at / r).powi(2)).exp(), r));
        let furrow = |sigma: f64, [cos, sin]: [f64; 2]| {
            let wall = |[dx, dy]: [f64; 2]| {
                let across = (dy * cos - dx * sin) / sigma;
                let depth = (-0.5 * across * across).exp();
                let slope = FURROW_DEPTH * across * depth;
                Wall { slope: [-slope * sin, slope * cos], hidden: 0.0 }
            };
            lit(shading(FURROW_REACH_MM, [ux, uy], scale, wall).map(|drawn| {
                let middle = (drawn.nrows() / 2) as f64;
                let along = |y: usize, x: usize| (x as f64 - middle) * cos + (y as f64 - middle) * sin;
                Plane::from_shape_fn(drawn.dim(), |(y, x)| {
                    drawn[[y, x]] * faded(scale.mm(along(y, x))) as f32
                })
            }))
        };
        let pits = PITS.map(|(profile, r, depth)| lit(shaded(profile, r, depth, [ux, uy])));
        // A pit under light from the other side is shaded as a bump is.
        let bumps = BUMPS_MM.map(|r| lit(shaded(Profile::Bowl, r, 0.25 * r, [-ux, -uy])));
        let spots: Vec<Template> = edged.into_iter().chain(fading).collect();
        let directions: [[f64; 2]; DIRECTIONS] = std::array::from_fn(|k| {
            let (sin, cos) = (std::f64::consts::PI * k as f64 / DIRECTIONS as f64).sin_cos();
            [cos, sin]
        });
        let furrows: Vec<Template> =
            FURROWS_MM.into_iter().flat_map(|sigma| directions.map(|along| furrow(sigma, along))).collect();
        let all = pits.iter().chain(&bumps).chain(&spots).chain(&furrows);
        let widest = all.map(Template::side).max().unwrap_or(0);
        let furthest = (scale.px(FURTHEST_MM).round() as usize).max(2);
        let white = |at: (usize, usize)| (whitening * Vector3::from_fn(|c, _| channels[c][at])).into();
        let ground = Ground::new(channels[0].dim(), widest + furthest, white);
        Self {
            ground,
            furthest: furthest as isize,
            scale,
            pits: pits.into(),
            bumps: bumps.into(),
            spots,
            furrows,
        }
    }

    /// How strongly a pit explains a place.
    pub fn pit(&self, place: Place) -> f64 {
        self.most(&self.pits, place, (self.reach(NEAR, place) / 2).max(1))
    }

    /// How strongly a round spot in this place does, of any colour.
    pub fn spot(&self, place: Place) -> f64 {
        self.most(&self.spots, place, self.reach(NEAR, place))
    }

    /// The same further off as well: as strong as a spot whose edge the place is.
    pub fn spot_beside(&self, place: Place) -> f64 {
        self.most(&self.spots, place, self.reach(BESIDE, place))
    }

    /// How strongly a furrow does, by its dark and its bright wall.
    pub fn furrow(&self, place: Place) -> f64 {
        self.most(&self.furrows, place, (self.reach(NEAR, place) / 2).max(1))
    }

    /// How strongly a bump does: the dark side of a stronger one further off
    /// looks like half a pit.
    pub fn bump(&self, place: Place) -> f64 {
        let reach = self.reach(NEAR, place);
        let far = 0.5 * self.most(&self.bumps, place, FAR * reach);
        self.most(&self.bumps, place, reach).max(far)
    }

    /// Cells within some radii of the pit.
    fn reach(&self, radii: f64, place: Place) -> isize {
        (self.scale.px(radii * place.radius_mm).round() as isize).max(2)
    }

    fn most(&self, templates: &[Template], place: Place, reach: isize) -> f64 {
        let reach = reach.min(self.furthest);
        templates.iter().map(|template| self.best(template, place.cell, reach)).fold(0.0, f64::max)
    }

    /// The strongest response near a place, climbed to by steps that halve.
    fn best(&self, template: &Template, from: [isize; 2], reach: isize) -> f64 {
        let (mut at, mut most) = (from, template.response(&self.ground, from));
        let mut step = (reach / 2).max(1);
        loop {
            let middle = at;
            for [dx, dy] in AROUND {
                let next = [middle[0] + dx * step, middle[1] + dy * step];
                let within = (next[0] - from[0]).abs() <= reach && (next[1] - from[1]).abs() <= reach;
                let value = if within { template.response(&self.ground, next) } else { most };
                if value > most {
                    (at, most) = (next, value);
                }
            }
            if step == 1 {
                return most;
            }
            step /= 2;
        }
    }
}

/// How much of a furrow is looked at `along` mm from the middle.
fn faded(along: f64) -> f64 {
    (-0.5 * (along * 2.2 / FURROW_REACH_MM).powi(2)).exp()
}

/// The eight cells around one.
const AROUND: [[isize; 2]; 8] = [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]];

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: FilterScale = FilterScale { px_per_mm: 7.0, physical: true };

    /// What pit, spot, bump and furrow say of what is drawn in the middle of 121 cells squared.
    fn rivalry(draw: &dyn Fn(f64, f64) -> [f64; 3]) -> [f64; 4] {
        let channels = std::array::from_fn(|c| {
            Plane::from_shape_fn((121, 121), |(y, x)| {
                draw((x as f64 - 60.0) / 7.0, (y as f64 - 60.0) / 7.0)[c] as f32
            })
        });
        let rivals = Rivals::of(&channels, SCALE, [1.0, 0.0], &Whitening::identity());
        let place = Place { cell: [60, 60], radius_mm: 1.0 };
        [rivals.pit(place), rivals.spot(place), rivals.bump(place), rivals.furrow(place)]
    }

    /// The slope of a Gaussian pit of half-depth radius 1 mm along x, at most 1.
    fn slope(x: f64, y: f64) -> f64 {
        let squared = (x * x + y * y) * 2.0 * std::f64::consts::LN_2;
        x * squared.mul_add(-0.5, 0.5).exp() * (2.0 * std::f64::consts::LN_2).sqrt()
    }

    #[test]
    fn each_explains_itself_best() {
        let wins = |which: usize, all: [f64; 4]| {
            let others = all.iter().enumerate().filter(|(k, _)| *k != which).map(|(_, value)| *value);
            assert!(all[which] > 1.2 * others.fold(0.0, f64::max), "{which}: {all:?}");
        };
        wins(0, rivalry(&|x, y| [0.2 * slope(x, y); 3]));
        wins(1, rivalry(&|x, y| if x.hypot(y) < 1.2 { [0.2, 0.3, 0.5] } else { [0.0; 3] }));
        wins(2, rivalry(&|x, y| [-0.2 * slope(x, y); 3]));
        // A dark and a bright wall along a line at 37 degrees to the light's.
        let across = |x: f64, y: f64| (0.8 * x - 0.6 * y) / 0.4;
        wins(3, rivalry(&|x, y| [0.2 * across(x, y) * (-0.5 * across(x, y).powi(2)).exp(); 3]));
    }
}
