//! What the shape of a region tells of what it is.

use crate::filter::components::{Component, components};
use crate::filter::morphology::{depth, dilate, erode};
use crate::lesion::places::bounds;
use crate::raster::{Mask, Plane};
use crate::units::FilterScale;

/// Share of the greatest half width of a region below which a part of it is a tail.
const TAIL: f64 = 0.5;

/// Half widths, mm, of what is always a tail, and of what never is: a body of
/// the smallest lesion is wider than the one, furrows are narrower than the other.
const TAIL_MM: [f64; 2] = [0.225, 0.45];

/// How many times the area of its largest inner circle a line covers at least:
/// an ellipse three and a half times as long as wide does.
const LONG: f64 = 3.5;

/// Half width, mm, from which nothing is a line: of the widest furrows.
const WIDE_MM: f64 = 0.65;

/// The bodies of a region, in row order of their first pixels: what is left
/// without its narrow parts, which may be what held it together.
pub fn without_tails(region: &Component, scale: FilterScale) -> Vec<Component> {
    let Some((mask, [left, top])) = alone(region) else { return Vec::new() };
    let half_width = greatest(&depth(&mask));
    let [least, most] = TAIL_MM.map(|mm| scale.px(mm));
    let radius = (TAIL * half_width).clamp(least, most);
    let place = |(x, y): (u32, u32)| (x + left - MARGIN, y + top - MARGIN);
    let bodies = components(&dilate(&erode(&mask, radius), radius));
    bodies.into_iter().map(|body| body.into_iter().map(place).collect()).collect()
}

/// Half the width of a region where it is widest, cells; 0 of none.
pub fn half_width(region: &Component) -> f64 {
    alone(region).map_or(0.0, |(mask, _)| greatest(&depth(&mask)))
}

/// Whether a region is a line: narrow, and many times as long as wide.
pub fn is_line(region: &Component, scale: FilterScale) -> bool {
    let half_width = half_width(region);
    let circle = std::f64::consts::PI * half_width * half_width;
    half_width < scale.px(WIDE_MM) && region.len() as f64 > LONG * circle
}

/// Cells around a region drawn by itself: what is outside it is what makes it narrow.
const MARGIN: u32 = 1;

/// A region drawn by itself, and the column and row of its box.
fn alone(region: &Component) -> Option<(Mask, [u32; 2])> {
    let [left, top, right, bottom] = bounds(region)?;
    let frame = 2 * MARGIN as usize + 1;
    let mut mask = Mask::from_elem((bottom - top + frame, right - left + frame), false);
    let (left, top) = (left as u32, top as u32);
    for &(x, y) in region {
        mask[[(y - top + MARGIN) as usize, (x - left + MARGIN) as usize]] = true;
    }
    Some((mask, [left, top]))
}

fn greatest(depth: &Plane) -> f64 {
    depth.iter().copied().fold(0.0, f32::max).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: FilterScale = FilterScale { px_per_mm: 8.0, physical: true };

    /// The cells of a canvas for which `inside` holds.
    fn cells(inside: impl Fn(f64, f64) -> bool) -> Component {
        let all = (0..80u32).flat_map(|y| (0..120u32).map(move |x| (x, y)));
        all.filter(|&(x, y)| inside(x.into(), y.into())).collect()
    }

    fn disc(x: f64, y: f64, centre: f64, radius: f64) -> bool {
        (x - centre).hypot(y - 40.0) <= radius
    }

    #[test]
    fn a_disc_stays_without_the_furrow_that_runs_through_it() {
        // A disc of 1 mm radius and a line 0.6 mm wide.
        let region = cells(|x, y| disc(x, y, 60.0, 8.0) || (y - 40.0).abs() <= 2.0);
        let bodies = without_tails(&region, SCALE);
        assert_eq!(bodies.len(), 1);
        assert!(bodies[0].iter().all(|&(x, y)| disc(x.into(), y.into(), 60.0, 10.0)));
        let round = cells(|x, y| disc(x, y, 60.0, 8.0)).len() as f64;
        assert!((bodies[0].len() as f64 / round - 1.0).abs() < 0.1, "{} of {round}", bodies[0].len());
    }

    #[test]
    fn two_discs_held_together_by_a_thread_come_apart() {
        let region = cells(|x, y| {
            disc(x, y, 30.0, 8.0)
                || disc(x, y, 90.0, 12.0)
                || (y - 40.0).abs() <= 1.0 && (30.0..90.0).contains(&x)
        });
        let bodies = without_tails(&region, SCALE);
        assert_eq!(bodies.len(), 2);
        assert!(bodies[0].iter().all(|&(x, _)| x > 70) && bodies[1].iter().all(|&(x, _)| x < 45));
    }

    #[test]
    fn a_narrow_long_region_is_a_line_and_a_patch_or_an_oval_is_none() {
        let oval = |a: f64, b: f64| cells(|x, y| ((x - 60.0) / a).powi(2) + ((y - 40.0) / b).powi(2) <= 1.0);
        assert!(is_line(&oval(50.0, 4.0), SCALE));
        assert!(!is_line(&oval(12.0, 5.0), SCALE), "two and a half times as long as wide");
        assert!(!is_line(&oval(50.0, 8.0), SCALE), "2 mm wide");
        assert!(!is_line(&Component::new(), SCALE) && without_tails(&Component::new(), SCALE).is_empty());
    }
}
