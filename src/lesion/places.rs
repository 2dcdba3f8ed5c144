//! The places of lesions on a plane, and the plain skin around each.

use ndarray::Array2;

use crate::filter::components::Component;
use crate::raster::Mask;
use crate::units::FilterScale;

/// How far from a place its ring begins, mm: beyond the blur of its rim.
const GAP_MM: f64 = 0.3;

/// How far from the box around a place its ring reaches, mm.
const RING_MM: f64 = 1.5;

/// Who owns each pixel of a plane: 0 nobody, `i + 1` place `i`, [`OTHER`] what
/// is neither a place nor plain skin.
pub type Owner = Array2<u32>;

/// The owner of what is neither a place to measure nor plain skin.
pub const OTHER: u32 = u32::MAX;

/// Places that do not overlap, with the plain skin around them.
#[derive(Debug, Clone)]
pub struct Places {
    places: Vec<Component>,
    /// Skin that belongs to no place and is not next to one.
    plain: Mask,
    reach: usize,
}

impl Places {
    /// The `count` places of `owner`, on the pixels of `skin`.
    pub fn new(owner: &Owner, count: usize, skin: &Mask, scale: FilterScale) -> Self {
        let mut places = vec![Component::new(); count];
        for ((y, x), &label) in owner.indexed_iter() {
            if (1..=count as u32).contains(&label) && skin[[y, x]] {
                places[label as usize - 1].push((x as u32, y as u32));
            }
        }
        let mut near = owner.clone();
        grow(&mut near, scale.px(GAP_MM).ceil() as usize);
        let plain = ndarray::Zip::from(&near).and(skin).map_collect(|&label, &inside| label == 0 && inside);
        Self { places, plain, reach: scale.px(GAP_MM + RING_MM).ceil() as usize }
    }

    /// The pixels of place `index`.
    pub fn place(&self, index: usize) -> &Component {
        &self.places[index]
    }

    /// The skin without any place.
    pub fn plain(&self) -> &Mask {
        &self.plain
    }

    /// How far a place and its ring lie apart, pixels.
    pub fn apart(&self) -> usize {
        self.reach
    }

    /// The plain skin around place `index`.
    pub fn ring(&self, index: usize) -> Component {
        let Some([left, top, right, bottom]) = bounds(&self.places[index]) else { return Component::new() };
        let (height, width) = self.plain.dim();
        let across = left.saturating_sub(self.reach)..(right + self.reach + 1).min(width);
        (top.saturating_sub(self.reach)..(bottom + self.reach + 1).min(height))
            .flat_map(|y| across.clone().map(move |x| (x, y)))
            .filter(|&(x, y)| self.plain[[y, x]])
            .map(|(x, y)| (x as u32, y as u32))
            .collect()
    }
}

/// Left, top, right and bottom of a component; `None` for an empty one.
pub fn bounds(component: &Component) -> Option<[usize; 4]> {
    let first = component.first()?;
    let start = [first.0, first.1, first.0, first.1];
    let box_of =
        component.iter().fold(start, |[l, t, r, b], &(x, y)| [l.min(x), t.min(y), r.max(x), b.max(y)]);
    Some(box_of.map(|edge| edge as usize))
}

/// The owner of each pixel, from the pixels of each place.
pub fn owners<'a>(places: impl IntoIterator<Item = &'a Component>, shape: (usize, usize)) -> Owner {
    let mut owner = Owner::zeros(shape);
    for (label, place) in (1..).zip(places) {
        place.iter().for_each(|&(x, y)| owner[[y as usize, x as usize]] = label);
    }
    owner
}

/// Every place grown by `steps` pixels into what nobody owns. Steps reach 4
/// and 8 neighbours in turn, so that a point grows to an octagon.
pub fn grow(owner: &mut Owner, steps: usize) {
    let (height, width) = owner.dim();
    // What has no free neighbour at first never has one.
    let free =
        |&(y, x): &(usize, usize)| neighbours(x, y, width, height, true).any(|(i, j)| owner[[j, i]] == 0);
    let owned = owner.indexed_iter().filter_map(|(at, &label)| (label > 0).then_some(at));
    let mut front: Vec<(usize, usize)> = owned.filter(free).collect();
    for step in 0..steps {
        let mut next = Vec::new();
        // New pixels go to the smallest label that claims them, whatever the order.
        let mut claims: Vec<((usize, usize), u32)> = Vec::new();
        for &(y, x) in &front {
            for (i, j) in neighbours(x, y, width, height, step % 2 == 1) {
                if owner[[j, i]] == 0 {
                    claims.push(((j, i), owner[[y, x]]));
                }
            }
        }
        claims.sort_unstable();
        for (at, label) in claims {
            if owner[at] == 0 {
                owner[at] = label;
                next.push(at);
            }
        }
        // Corners that only a diagonal step reaches stay on the front.
        front = if step % 2 == 0 { front.into_iter().chain(next).collect() } else { next };
    }
}

/// The neighbours of a pixel on a plane: four, or eight with `diagonal`.
pub fn neighbours(
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    diagonal: bool,
) -> impl Iterator<Item = (usize, usize)> {
    const AROUND: [(isize, isize); 8] =
        [(0, -1), (-1, 0), (1, 0), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
    let count = if diagonal { 8 } else { 4 };
    AROUND.into_iter().take(count).filter_map(move |(dx, dy)| {
        let (i, j) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
        (i < width && j < height).then_some((i, j))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: FilterScale = FilterScale { px_per_mm: 4.0, physical: true };

    #[test]
    fn a_point_grows_to_an_octagon_and_meets_its_neighbour_half_way() {
        let mut owner = owners([&vec![(4, 4)]], (9, 9));
        grow(&mut owner, 2);
        // A plus of 5 pixels, then a ring of all 8-neighbours: 21, by hand.
        assert_eq!(owner.iter().filter(|&&label| label == 1).count(), 21);
        let mut pair = owners([&vec![(0, 0)], &vec![(5, 0)]], (1, 6));
        grow(&mut pair, 9);
        assert_eq!(pair.into_raw_vec_and_offset().0, [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn a_ring_holds_neither_places_nor_what_is_next_to_them_nor_other_than_skin() {
        let owner = owners([&vec![(20, 20)], &vec![(24, 20)]], (41, 41));
        let skin = Mask::from_shape_fn((41, 41), |(y, _)| y < 24);
        let places = Places::new(&owner, 2, &skin, SCALE);
        let ring = places.ring(0);
        assert!(!ring.is_empty() && ring.iter().all(|&(_, y)| y < 24));
        assert!(
            ring.iter()
                .all(|&(x, y)| x.abs_diff(20) + y.abs_diff(20) > 2 && x.abs_diff(24) + y.abs_diff(20) > 2)
        );
        assert_eq!((places.place(1), places.plain()[[0, 0]]), (&vec![(24, 20)], true));
    }
}
