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
    /// The `count` places of `owner`, on the pixels of `skin`; the `plain` part of it may be around them.
    pub fn new(owner: &Owner, count: usize, skin: &Mask, plain: &Mask, scale: FilterScale) -> Self {
        let mut places = vec![Component::new(); count];
        for ((y, x), &label) in owner.indexed_iter() {
            if (1..=count as u32).contains(&label) && skin[[y, x]] {
                places[label as usize - 1].push((x as u32, y as u32));
            }
        }
        let mut near = owner.clone();
        grow(&mut near, scale.px(GAP_MM).ceil() as usize);
        let plain = ndarray::Zip::from(&near).and(plain).map_collect(|&label, &inside| label == 0 && inside);
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

/// Whether a place comes closer than `margin` pixels to the border of its plane; on
/// the border it is closer than 1.
pub fn is_near_border(place: &Component, margin: usize, (height, width): (usize, usize)) -> bool {
    bounds(place).is_some_and(|[left, top, right, bottom]| {
        left < margin || top < margin || right + margin >= width || bottom + margin >= height
    })
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
    let mut front = front(owner, |_| true);
    let mut fresh = Mask::from_elem(owner.dim(), false);
    for step in 0..steps {
        let next = claim(owner, &front, step % 2 == 1, &mut fresh);
        // Corners that only a diagonal step reaches stay on the front.
        if step % 2 == 0 { front.extend(next) } else { front = next }
    }
}

/// Every place grown into all that nobody owns and that hangs together with it,
/// pixel by pixel; [`OTHER`] stays as it is.
pub fn fill(owner: &mut Owner) {
    let mut front = front(owner, |label| label != OTHER);
    let mut fresh = Mask::from_elem(owner.dim(), false);
    while !front.is_empty() {
        front = claim(owner, &front, false, &mut fresh);
    }
}

/// The owned pixels whose label `may` grow and that have a free neighbour: what has none at first never has one.
fn front(owner: &Owner, may: impl Fn(u32) -> bool) -> Vec<(usize, usize)> {
    let (height, width) = owner.dim();
    let mut front = Vec::new();
    for (y, line) in owner.rows().into_iter().enumerate() {
        let owned = line.into_iter().enumerate().filter(|&(_, &label)| label > 0 && may(label));
        let free = |x: usize| neighbours(x, y, width, height, true).any(|(i, j)| owner[[j, i]] == 0);
        front.extend(owned.filter(|&(x, _)| free(x)).map(|(x, _)| (y, x)));
    }
    front
}

/// The pixels that nobody owned and those of the front now do: the smallest
/// label that claims one, whatever the order. `fresh` is false all over, before and after.
fn claim(
    owner: &mut Owner,
    front: &[(usize, usize)],
    diagonal: bool,
    fresh: &mut Mask,
) -> Vec<(usize, usize)> {
    let (height, width) = owner.dim();
    let mut next = Vec::new();
    for &(y, x) in front {
        let label = owner[[y, x]];
        for (i, j) in neighbours(x, y, width, height, diagonal) {
            let (owned, fresh) = (&mut owner[[j, i]], &mut fresh[[j, i]]);
            if *owned == 0 {
                (*owned, *fresh) = (label, true);
                next.push((j, i));
            } else if *fresh {
                *owned = label.min(*owned);
            }
        }
    }
    next.iter().for_each(|&at| fresh[at] = false);
    next
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

    /// By hand: on a plane of 10 by 8 a place from (2, 3) to (6, 4) keeps 2 to the
    /// left, 3 above and to the right, and 3 below.
    #[test]
    fn a_place_is_near_the_border_where_less_than_the_margin_is_left() {
        let place = vec![(2, 3), (6, 4)];
        assert_eq!([1, 2, 3].map(|margin| is_near_border(&place, margin, (8, 10))), [false, false, true]);
        assert!(is_near_border(&vec![(9, 4)], 1, (8, 10)) && is_near_border(&vec![(4, 7)], 1, (8, 10)));
    }

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
    fn filling_stops_at_what_is_other_and_leaves_what_no_place_reaches() {
        let o = OTHER;
        let mut owner =
            Owner::from_shape_vec((2, 7), vec![2, 0, 0, 0, 1, o, 0, o, o, 0, o, o, o, o]).unwrap();
        fill(&mut owner);
        // The middle is as near to both: it goes to the smaller label. What hangs below it is one step further.
        assert_eq!(owner.into_raw_vec_and_offset().0, [2, 2, 1, 1, 1, o, 0, o, o, 1, o, o, o, o]);
    }

    #[test]
    fn a_ring_holds_neither_places_nor_what_is_next_to_them_nor_other_than_skin() {
        let owner = owners([&vec![(20, 20)], &vec![(24, 20)]], (41, 41));
        let skin = Mask::from_shape_fn((41, 41), |(y, _)| y < 24);
        let places = Places::new(&owner, 2, &skin, &skin, SCALE);
        let ring = places.ring(0);
        assert!(!ring.is_empty() && ring.iter().all(|&(_, y)| y < 24));
        assert!(
            ring.iter()
                .all(|&(x, y)| x.abs_diff(20) + y.abs_diff(20) > 2 && x.abs_diff(24) + y.abs_diff(20) > 2)
        );
        assert_eq!((places.place(1), places.plain()[[0, 0]]), (&vec![(24, 20)], true));
    }
}
