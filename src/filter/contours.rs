//! Outlines of masks.

use imageproc::contours::{BorderType, find_contours};
use imageproc::geometry::approximate_polygon_dp;
use imageproc::point::Point;

use crate::filter::components::Component;
use crate::raster::{self, Mask, mask_to_image};

/// The outer border of one 8-connected component: its border pixels in order.
pub fn outline(component: &Component) -> Vec<(u32, u32)> {
    let (xs, ys) = (component.iter().map(|p| p.0), component.iter().map(|p| p.1));
    let (Some(left), Some(right)) = (xs.clone().min(), xs.max()) else { return Vec::new() };
    let (top, bottom) = (ys.clone().min().unwrap_or(0), ys.max().unwrap_or(0));
    // A frame of one pixel, so that the border never lies on the image's edge.
    let mut mask = Mask::from_elem(((bottom - top + 3) as usize, (right - left + 3) as usize), false);
    component.iter().for_each(|&(x, y)| mask[[(y - top + 1) as usize, (x - left + 1) as usize]] = true);
    let outer = find_contours::<u32>(&mask_to_image(&mask))
        .into_iter()
        .filter(|contour| contour.border_type == BorderType::Outer)
        .max_by_key(|contour| contour.points.len());
    let points = outer.map(|contour| contour.points).unwrap_or_default();
    points.into_iter().map(|p| (p.x + left - 1, p.y + top - 1)).collect()
}

/// Every border of a mask, of what it covers and of the holes in it, each as
/// points in order: the centres of its cells.
pub fn borders(mask: &Mask) -> Vec<Vec<[f64; 2]>> {
    let (width, height) = raster::size(mask);
    // A frame of one cell, so that no border lies on the edge.
    let mut framed = Mask::from_elem((height + 2, width + 2), false);
    mask.indexed_iter().for_each(|((y, x), &inside)| framed[[y + 1, x + 1]] = inside);
    let point = |p: &Point<u32>| [f64::from(p.x) - 1.0, f64::from(p.y) - 1.0];
    find_contours::<u32>(&mask_to_image(&framed))
        .iter()
        .map(|contour| contour.points.iter().map(point).collect())
        .collect()
}

/// A closed line with the points left out that it misses by less than
/// `tolerance` (Douglas and Peucker 1973).
pub fn simplified(border: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    let points: Vec<Point<f64>> = border.iter().map(|&[x, y]| Point::new(x, y)).collect();
    // The method holds the ends of an open line fast: two halves make a ring.
    let half = points.len() / 2;
    if half < 2 {
        return border.to_vec();
    }
    let mut kept = approximate_polygon_dp(&points[..=half], tolerance, false);
    kept.pop();
    let back: Vec<Point<f64>> = points[half..].iter().chain(&points[..1]).copied().collect();
    kept.extend(approximate_polygon_dp(&back, tolerance, false));
    kept.pop();
    kept.into_iter().map(|point| [point.x, point.y]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_two_borders_and_a_square_four_corners() {
        let ring = Mask::from_shape_fn((7, 7), |(y, x)| !(y == 3 && x == 3));
        let borders = borders(&ring);
        assert_eq!(borders.len(), 2);
        let corners = simplified(&borders[0], 0.5);
        assert_eq!(corners.len(), 4, "{corners:?}");
        assert!(corners.contains(&[0.0, 0.0]) && corners.contains(&[6.0, 6.0]));
    }

    #[test]
    fn a_square_at_the_origin_is_outlined_by_its_border_and_not_its_inside() {
        let square: Component = (0..3).flat_map(|y| (0..3).map(move |x| (x, y))).collect();
        let mut border = outline(&square);
        border.sort_unstable();
        assert_eq!(border, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]);
        assert!(outline(&Component::new()).is_empty());
    }
}
