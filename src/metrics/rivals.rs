//! What could have drawn what looks like a pit: a pit, a spot, a furrow or a
//! bump, each as strongly as it explains the skin around a place.
//!
//! The three channels are decorrelated by the covariance of the baseline's
//! plain skin, so that what pigment and blood vary in anyway counts little and
//! what all channels share counts much. A pit and a bump are drawn as light
//! from one side shades them; a spot and a furrow may have any colour.

use nalgebra::Vector3;

use crate::filter::gaussian::gaussian;
use crate::metrics::crescents::Profile;
use crate::metrics::templates::{Template, draw, shading};
use crate::metrics::whitening::Whitening;
use crate::raster::Plane;
use crate::units::FilterScale;

/// Pits: profile, radius and depth, mm.
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

/// How far off a spot may be whose edge a place is, radii of the pit that it is not.
const BESIDE: f64 = 1.4;

/// How soft the edge of a spot is, mm.
const EDGE_MM: f64 = 0.08;

/// Standard deviations across furrows, mm, their directions, and how far they are looked at.
const FURROWS_MM: [f64; 3] = [0.15, 0.3, 0.5];
const DIRECTIONS: usize = 8;
const FURROW_REACH_MM: f64 = 3.0;

/// How strongly each explains a place, in standard deviations of plain skin
/// that vary from cell to cell alone: to be compared with one another only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rivalry {
    /// A pit under the light at hand.
    pub pit: f64,
    /// A round spot of any colour.
    pub spot: f64,
    /// The same further off as well: as strong as a spot whose edge the place is.
    pub spot_beside: f64,
    /// A straight line of any colour.
    pub furrow: f64,
    /// A bump under the light at hand.
    pub bump: f64,
}

/// What can be compared around the places of one photo.
pub struct Rivals {
    planes: [Plane; 3],
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
        let mut planes = channels.clone();
        let mixed = |at: (usize, usize)| whitening * Vector3::from_fn(|c, _| channels[c][at]);
        for (c, plane) in planes.iter_mut().enumerate() {
            plane.indexed_iter_mut().for_each(|(at, value)| *value = mixed(at)[c]);
        }
        let shaded = |profile, radius, depth, light| shading(profile, radius, depth, light, scale);
        let lit = |drawn: [Plane; 3]| Template::shaded(&drawn, whitening);
        let spot = |value: &dyn Fn(f64) -> f64, radius: f64| {
            let side = (scale.px(1.8 * radius + 0.5).round() as usize) + 2;
            let drawn = draw(side, |dx, dy| value(scale.mm(dx.hypot(dy))));
            Template::plain(&gaussian(&drawn, scale.px(0.1)))
        };
        let edged = SPOTS_MM.map(|r| spot(&|at| 1.0 / (1.0 + ((at - r) / EDGE_MM).exp()), r));
        let fading = FADING_MM.map(|r| spot(&|at| (-std::f64::consts::LN_2 * (at / r).powi(2)).exp(), r));
        let furrow = |sigma: f64, k: usize| {
            let (sin, cos) = (std::f64::consts::PI * k as f64 / DIRECTIONS as f64).sin_cos();
            Template::plain(&draw(scale.px(FURROW_REACH_MM).round() as usize + 1, |dx, dy| {
                let (along, across) = (scale.mm(dx * cos + dy * sin), scale.mm(dy * cos - dx * sin));
                let long = along * 2.2 / FURROW_REACH_MM;
                (-0.5 * ((across / sigma).powi(2) + long * long)).exp()
            }))
        };
        Self {
            planes,
            scale,
            pits: PITS.iter().map(|&(profile, r, depth)| lit(shaded(profile, r, depth, [ux, uy]))).collect(),
            // A pit under light from the other side is shaded as a bump is.
            bumps: BUMPS_MM.iter().map(|&r| lit(shaded(Profile::Bowl, r, 0.25 * r, [-ux, -uy]))).collect(),
            spots: edged.into_iter().chain(fading).collect(),
            furrows: FURROWS_MM
                .iter()
                .flat_map(|&sigma| (0..DIRECTIONS).map(move |k| furrow(sigma, k)))
                .collect(),
        }
    }

    /// How strongly each explains the surroundings of a cell that may be the
    /// middle of a pit of the given radius.
    pub fn at(&self, x: usize, y: usize, radius_mm: f64) -> Rivalry {
        let within = |radii: f64| (self.scale.px(radii * radius_mm).round() as isize).max(2);
        let reach = within(0.8);
        let place = [x as isize, y as isize];
        let best = |templates: &[Template], reach: isize| {
            templates.iter().map(|template| self.best(template, place, reach)).fold(0.0, f64::max)
        };
        Rivalry {
            pit: best(&self.pits, (reach / 2).max(1)),
            spot: best(&self.spots, reach),
            spot_beside: best(&self.spots, within(BESIDE)),
            furrow: best(&self.furrows, (reach / 2).max(1)),
            // The dark side of a stronger bump further off looks like half a pit.
            bump: best(&self.bumps, reach).max(0.5 * best(&self.bumps, 3 * reach)),
        }
    }

    /// The strongest response near a place, climbed to by steps that halve.
    fn best(&self, template: &Template, from: [isize; 2], reach: isize) -> f64 {
        let (mut at, mut most) = (from, template.response(&self.planes, from));
        let mut step = (reach / 2).max(1);
        loop {
            let middle = at;
            for [dx, dy] in AROUND {
                let next = [middle[0] + dx * step, middle[1] + dy * step];
                let within = (next[0] - from[0]).abs() <= reach && (next[1] - from[1]).abs() <= reach;
                let value = if within { template.response(&self.planes, next) } else { most };
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

/// The eight cells around one.
const AROUND: [[isize; 2]; 8] = [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]];

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: FilterScale = FilterScale { px_per_mm: 7.0, physical: true };

    /// What the rivals say of what is drawn in the middle of 121 cells squared.
    fn rivalry(draw: &dyn Fn(f64, f64) -> [f64; 3]) -> Rivalry {
        let channels = std::array::from_fn(|c| {
            Plane::from_shape_fn((121, 121), |(y, x)| {
                draw((x as f64 - 60.0) / 7.0, (y as f64 - 60.0) / 7.0)[c] as f32
            })
        });
        Rivals::of(&channels, SCALE, [1.0, 0.0], &Whitening::identity()).at(60, 60, 1.0)
    }

    /// The slope of a Gaussian pit of half-depth radius 1 mm along x, at most 1.
    fn slope(x: f64, y: f64) -> f64 {
        let squared = (x * x + y * y) * 2.0 * std::f64::consts::LN_2;
        x * squared.mul_add(-0.5, 0.5).exp() * (2.0 * std::f64::consts::LN_2).sqrt()
    }

    #[test]
    fn each_explains_itself_best() {
        let pit = rivalry(&|x, y| [0.2 * slope(x, y); 3]);
        assert!(pit.pit > 1.2 * pit.spot.max(pit.furrow).max(pit.bump), "{pit:?}");
        let bump = rivalry(&|x, y| [-0.2 * slope(x, y); 3]);
        assert!(bump.bump > 1.2 * bump.spot.max(bump.furrow).max(bump.pit), "{bump:?}");
        let spot = rivalry(&|x, y| if x.hypot(y) < 1.2 { [0.2, 0.3, 0.5] } else { [0.0; 3] });
        assert!(spot.spot > 1.2 * spot.pit.max(spot.furrow).max(spot.bump), "{spot:?}");
        let furrow = rivalry(&|x, _| [0.2 * (-0.5 * (x / 0.3).powi(2)).exp(); 3]);
        assert!(furrow.furrow > 1.2 * furrow.pit.max(furrow.spot).max(furrow.bump), "{furrow:?}");
    }
}
