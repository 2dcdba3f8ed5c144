//! Outlines of masks.

use imageproc::contours::{BorderType, find_contours};

use crate::filter::components::Component;
use crate::raster::{Mask, mask_to_image};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_at_the_origin_is_outlined_by_its_border_and_not_its_inside() {
        let square: Component = (0..3).flat_map(|y| (0..3).map(move |x| (x, y))).collect();
        let mut border = outline(&square);
        border.sort_unstable();
        assert_eq!(border, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]);
        assert!(outline(&Component::new()).is_empty());
    }
}
