//! What could have drawn what looks like a pit: a pit, a spot, a furrow or a
//! bump, each as strongly as it explains the skin around a place.
//!
//! The three channels are decorrelated by the covariance of the baseline's
//! plain skin, so that what pigment and blood vary in anyway counts little and
//! what all channels share counts much. A pit and a bump are drawn as light
//! from one side shades them; a spot and a furrow may have any colour.

use nalgebra::{Matrix3, Vector3};

use crate::filter::gaussian::gaussian;
use crate::metrics::pits::Profile;
use crate::raster::{Mask, Plane, row, size};
use crate::units::FilterScale;

/// Height of the light above the skin, radians, and the share that comes from
/// all around: the middle of what draws pits that can be seen (40 to 60°, a
/// quarter to two fifths).
const ELEVATION: f64 = 0.87;
const AMBIENT: f64 = 0.32;

/// Most that a pit's walls hide of the light from all around.
const MOST_HIDDEN: f64 = 0.28;

/// How far light spreads in the skin in red, green and blue, standard deviations in mm.
const SPREAD_MM: [f64; 3] = [0.2, 0.1, 0.06];

/// Pixels of the drawing per cell, along each side.
const FINER: usize = 3;

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

/// How soft the edge of a spot is, mm.
const EDGE_MM: f64 = 0.08;

/// Standard deviations across furrows, mm, their directions, and how far they are looked at.
const FURROWS_MM: [f64; 3] = [0.15, 0.3, 0.5];
const DIRECTIONS: usize = 8;
const FURROW_REACH_MM: f64 = 3.0;

/// Side of the squares in which the covariance is taken, mm, and the middle
/// share of them that is plain skin.
const SQUARE_MM: f64 = 3.0;
const PLAIN: std::ops::Range<f64> = 0.2..0.8;

/// Share of the mean variance that is added to each channel: colours that
/// hardly vary are not known better than this.
const LEAST_VARIANCE: f64 = 0.03;

/// How strongly each explains a place, in standard deviations of plain skin
/// that vary from cell to cell alone: to be compared with one another only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rivalry {
    /// A pit under the light at hand.
    pub pit: f64,
    /// A round spot of any colour.
    pub spot: f64,
    /// A straight line of any colour.
    pub furrow: f64,
    /// A bump under the light at hand.
    pub bump: f64,
}

/// What makes the channels of plain skin vary alike and apart from each other.
pub type Whitening = Matrix3<f32>;

/// The decorrelation of channels that have no slow variation; of none where there is no skin.
pub fn whitening(channels: &[Plane; 3], skin: &Mask, scale: FilterScale) -> Whitening {
    let side = (scale.px(SQUARE_MM).round() as usize).max(4);
    let (width, height) = size(skin);
    let mut squares: Vec<Matrix3<f64>> = Vec::new();
    for top in (0..(height + 1).saturating_sub(side)).step_by(side) {
        for left in (0..(width + 1).saturating_sub(side)).step_by(side) {
            let (mut sum, mut products, mut count) = (Vector3::zeros(), Matrix3::zeros(), 0.0);
            for y in top..top + side {
                for x in (left..left + side).filter(|&x| skin[[y, x]]) {
                    let value = Vector3::from_fn(|c, _| f64::from(channels[c][[y, x]]));
                    sum += value;
                    products += value * value.transpose();
                    count += 1.0;
                }
            }
            if count > 0.5 * (side * side) as f64 {
                squares.push((products - sum * sum.transpose() / count) / count);
            }
        }
    }
    squares.sort_by(|a, b| a.trace().total_cmp(&b.trace()));
    let of = |share: f64| (squares.len() as f64 * share) as usize;
    let plain = squares.get(of(PLAIN.start)..of(PLAIN.end)).unwrap_or_default();
    let covariance = plain.iter().sum::<Matrix3<f64>>() / plain.len().max(1) as f64;
    let covariance = covariance + Matrix3::identity() * (LEAST_VARIANCE * covariance.trace() / 3.0);
    let inverse = covariance.cholesky().and_then(|factor| factor.l().try_inverse());
    inverse.unwrap_or_else(Matrix3::identity).cast()
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
        let reach = (self.scale.px(0.8 * radius_mm).round() as isize).max(2);
        let place = [x as isize, y as isize];
        let best = |templates: &[Template], reach: isize| {
            templates.iter().map(|template| self.best(template, place, reach)).fold(0.0, f64::max)
        };
        Rivalry {
            pit: best(&self.pits, (reach / 2).max(1)),
            spot: best(&self.spots, reach),
            furrow: best(&self.furrows, (reach / 2).max(1)),
            // The dark side of a stronger bump further off looks like half a pit.
            bump: best(&self.bumps, reach).max(0.5 * best(&self.bumps, 3 * reach)),
        }
    }

    /// The strongest response near a place, climbed to by steps that halve.
    fn best(&self, template: &Template, from: [isize; 2], reach: isize) -> f64 {
        let (mut at, mut most) = (from, self.response(template, from));
        let mut step = (reach / 2).max(1);
        loop {
            let middle = at;
            for [dx, dy] in AROUND {
                let next = [middle[0] + dx * step, middle[1] + dy * step];
                let within = (next[0] - from[0]).abs() <= reach && (next[1] - from[1]).abs() <= reach;
                let value = if within { self.response(template, next) } else { most };
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

    fn response(&self, template: &Template, [x, y]: [isize; 2]) -> f64 {
        let (width, height) = size(&self.planes[0]);
        let mut sums = [0.0f32; 3];
        for line in &template.lines {
            let py = y + line.dy;
            if py < 0 || py >= height as isize {
                continue;
            }
            let first = x + line.dx;
            let skip = (-first).max(0);
            let end = (line.weights[0].len() as isize).min(width as isize - first);
            if skip >= end {
                continue;
            }
            for (c, sum) in sums.iter_mut().enumerate() {
                let values =
                    &row(&self.planes[c], py as usize)[(first + skip) as usize..(first + end) as usize];
                let weights = &line.weights[c][skip as usize..end as usize];
                *sum += dot(values, weights);
            }
        }
        let [red, green, blue] = sums.map(f64::from);
        if template.any_colour {
            (red * red + green * green + blue * blue).sqrt()
        } else {
            (red + green + blue).max(0.0)
        }
    }
}

/// The sum of products, eight at a time.
fn dot(values: &[f32], weights: &[f32]) -> f32 {
    let (mut sums, mut rest) = ([0.0f32; 8], 0.0f32);
    let (left, right) = (values.chunks_exact(8), weights.chunks_exact(8));
    for (value, weight) in left.remainder().iter().zip(right.remainder()) {
        rest += value * weight;
    }
    for (values, weights) in left.zip(right) {
        for (sum, (value, weight)) in sums.iter_mut().zip(values.iter().zip(weights)) {
            *sum += value * weight;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The eight cells around one.
const AROUND: [[isize; 2]; 8] = [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]];

/// What is looked for: weights per channel, without their mean, of unit energy.
struct Template {
    lines: Vec<Line>,
    any_colour: bool,
}

/// One line of a template's cells.
struct Line {
    dx: isize,
    dy: isize,
    weights: [Vec<f32>; 3],
}

impl Template {
    /// Of one colour: that of its three drawings.
    fn shaded(drawn: &[Plane; 3], whitening: &Whitening) -> Self {
        let level = drawn.each_ref().map(mean_inside);
        let white = |y: usize, x: usize| {
            whitening * Vector3::from_fn(|c, _| (f64::from(drawn[c][[y, x]]) - level[c]) as f32)
        };
        Self::of(drawn[0].nrows(), false, |y, x| white(y, x).into())
    }

    /// Of any colour.
    fn plain(drawn: &Plane) -> Self {
        let level = mean_inside(drawn);
        Self::of(drawn.nrows(), true, |y, x| [(f64::from(drawn[[y, x]]) - level) as f32; 3])
    }

    fn of(count: usize, any_colour: bool, weight: impl Fn(usize, usize) -> [f32; 3]) -> Self {
        let side = (count / 2) as isize;
        let lines = (0..count).filter_map(|y| {
            let columns = inside(count, y)?;
            let weights: Vec<[f32; 3]> = columns.clone().map(|x| weight(y, x)).collect();
            Some(Line {
                dx: columns.start as isize - side,
                dy: y as isize - side,
                weights: std::array::from_fn(|c| weights.iter().map(|w| w[c]).collect()),
            })
        });
        let mut lines: Vec<Line> = lines.collect();
        let channels = if any_colour { 1 } else { 3 };
        let squares = |line: &Line| -> f32 { line.weights[..channels].iter().flatten().map(|w| w * w).sum() };
        let length = lines.iter().map(squares).sum::<f32>().sqrt().max(1e-12);
        lines.iter_mut().for_each(|line| line.weights.iter_mut().flatten().for_each(|w| *w /= length));
        Self { lines, any_colour }
    }
}

/// The columns of a square drawing's line that lie in its circle.
fn inside(count: usize, y: usize) -> Option<std::ops::Range<usize>> {
    let side = count as isize / 2;
    let dy = y as isize - side;
    let half = ((side * side - dy * dy) as f64).sqrt() as isize;
    (half > 0).then(|| (side - half) as usize..(side + half + 1) as usize)
}

fn mean_inside(drawn: &Plane) -> f64 {
    let count = drawn.nrows();
    let values = (0..count)
        .filter_map(|y| Some((y, inside(count, y)?)))
        .flat_map(|(y, columns)| columns.map(move |x| f64::from(drawn[[y, x]])));
    let (sum, seen) = values.fold((0.0, 0.0), |(sum, seen), value| (sum + value, seen + 1.0));
    sum / f64::max(seen, 1.0)
}

/// A square drawing of `side` cells on each side of the middle.
fn draw(side: usize, value: impl Fn(f64, f64) -> f64) -> Plane {
    let at = |i: usize| i as f64 - side as f64;
    Plane::from_shape_fn((2 * side + 1, 2 * side + 1), |(y, x)| value(at(x), at(y)) as f32)
}

/// The density of a pit in red, green and blue: dark where its wall falls away
/// from the light, bright where it rises towards it, and dark where walls hide
/// the light; spread in the skin.
fn shading(profile: Profile, radius: f64, depth: f64, [ux, uy]: [f64; 2], scale: FilterScale) -> [Plane; 3] {
    let side = scale.px(profile.reach(radius)).ceil() as usize + 2;
    let count = (2 * side + 1) * FINER;
    let mm = |i: usize| scale.mm((i as f64 - 0.5 * (count as f64 - 1.0)) / FINER as f64);
    let hidden = MOST_HIDDEN.min(0.21 * depth / radius);
    let slant = ELEVATION.tan();
    let light = Plane::from_shape_fn((count, count), |(y, x)| {
        let (dx, dy) = (mm(x), mm(y));
        let r = dx.hypot(dy).max(1e-9);
        // The floor rises outwards: slopes of the height along both axes.
        let wall = depth / radius * profile.slope(r / radius);
        let (gx, gy) = (wall * dx / r, wall * dy / r);
        let upright = 1.0 / (1.0 + gx * gx + gy * gy).sqrt();
        let direct = (1.0 - (gx * ux + gy * uy) / slant).max(0.0);
        let seen = (AMBIENT + (1.0 - AMBIENT) * direct) * upright;
        (seen * (1.0 - hidden * profile.depth(r / radius))) as f32
    });
    SPREAD_MM.map(|spread| {
        let spread = gaussian(&light, scale.px(spread) * FINER as f64);
        Plane::from_shape_fn((2 * side + 1, 2 * side + 1), |(y, x)| {
            let mut sum = 0.0;
            for fine in y * FINER..(y + 1) * FINER {
                sum += row(&spread, fine)[x * FINER..(x + 1) * FINER].iter().sum::<f32>();
            }
            -(sum / (FINER * FINER) as f32).max(0.05).ln()
        })
    })
}

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

    /// By hand: variances 4, 1 and 1/4, no covariance, and 3 % of their mean
    /// (1.75) on top, leave standard deviations of 1/√4.0525 and so on.
    #[test]
    fn channels_are_decorrelated() {
        // Signs of Walsh functions: every square of 4 holds each pair as often.
        let sign = |odd: usize| if odd.is_multiple_of(2) { 1.0f32 } else { -1.0 };
        let channels = [(0, 2.0), (1, 1.0), (2, 0.5)]
            .map(|(k, size)| Plane::from_shape_fn((28, 28), |(y, x)| size * sign([x, y, x + y][k])));
        let scale = FilterScale { px_per_mm: 4.0 / 3.0, physical: true };
        let found = whitening(&channels, &Mask::from_elem((28, 28), true), scale);
        for (k, variance) in [4.0525f32, 1.0525, 0.3025].into_iter().enumerate() {
            assert!((found[(k, k)] * variance.sqrt() - 1.0).abs() < 1e-4, "{found}");
        }
        assert!(found[(1, 0)].abs() + found[(2, 0)].abs() + found[(2, 1)].abs() < 1e-4, "{found}");
    }

    /// By hand: 3·1 + 4·2 over ten cells, eight of them at once.
    #[test]
    fn dots_add_up_across_the_eights() {
        let values: Vec<f32> = (0..10)
            .map(|i| {
                if i == 0 {
                    3.0
                } else if i == 9 {
                    4.0
                } else {
                    0.0
                }
            })
            .collect();
        let weights: Vec<f32> = (0..10).map(|i| if i == 9 { 2.0 } else { 1.0 }).collect();
        assert_eq!(dot(&values, &weights), 11.0);
    }
}
