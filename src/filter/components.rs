//! Connected components of a mask.
//!
//! Rows are taken as runs of pixels, and runs that touch are united: there are
//! far fewer runs than pixels (He et al. 2017, *Pattern Recognit.* 70:25).

use ndarray::Array2;

use crate::raster::{Mask, row};

/// One 8-connected component: its pixels as (x, y), in row order.
pub type Component = Vec<(u32, u32)>;

/// Neighbouring pixels of one row, and the number of their component from 1 upwards.
struct Run {
    y: usize,
    from: usize,
    /// One beyond the last.
    to: usize,
    label: u32,
}

/// The runs of a mask in row order and how many components they make, numbered
/// in row order of their first pixel.
fn runs(mask: &Mask) -> (Vec<Run>, usize) {
    let (mut runs, mut parents): (Vec<Run>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut above = 0..0;
    for y in 0..mask.nrows() {
        let (line, first) = (row(mask, y), runs.len());
        let (mut next, mut x) = (above.start, 0);
        while let Some(start) = line[x..].iter().position(|&inside| inside) {
            let from = x + start;
            let to =
                line[from..].iter().position(|&inside| !inside).map_or(line.len(), |length| from + length);
            let own = runs.len() as u32;
            parents.push(own);
            // Diagonal neighbours touch.
            while next < above.end && runs[next].to < from {
                next += 1;
            }
            let mut touching = next;
            while touching < above.end && runs[touching].from <= to {
                unite(&mut parents, touching as u32, own);
                touching += 1;
            }
            runs.push(Run { y, from, to, label: 0 });
            x = to;
        }
        above = first..runs.len();
    }
    let (mut count, mut labels) = (0u32, vec![0u32; runs.len()]);
    for (index, run) in runs.iter_mut().enumerate() {
        // The root is the first run of its component.
        let root = root(&mut parents, index as u32) as usize;
        if root == index {
            count += 1;
            labels[index] = count;
        }
        run.label = labels[root];
    }
    (runs, count as usize)
}

fn root(parents: &mut [u32], mut run: u32) -> u32 {
    while parents[run as usize] != run {
        parents[run as usize] = parents[parents[run as usize] as usize];
        run = parents[run as usize];
    }
    run
}

fn unite(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

/// The 8-connected components of `mask`, in row order of their first pixel.
pub fn components(mask: &Mask) -> Vec<Component> {
    components_of(mask, |_| true)
}

/// Those whose number of pixels is `wanted`.
pub fn components_of(mask: &Mask, wanted: impl Fn(usize) -> bool) -> Vec<Component> {
    let (runs, count) = runs(mask);
    let sizes = sizes(&runs, count);
    let mut components: Vec<Component> = sizes[1..]
        .iter()
        .map(|&size| Component::with_capacity(if wanted(size) { size } else { 0 }))
        .collect();
    for run in runs.iter().filter(|run| wanted(sizes[run.label as usize])) {
        let pixels = (run.from..run.to).map(|x| (x as u32, run.y as u32));
        components[run.label as usize - 1].extend(pixels);
    }
    components.retain(|component| !component.is_empty());
    components
}

/// How many pixels each label has; that of 0 are not counted.
fn sizes(runs: &[Run], count: usize) -> Vec<usize> {
    let mut sizes = vec![0; count + 1];
    runs.iter().for_each(|run| sizes[run.label as usize] += run.to - run.from);
    sizes
}

/// 0 outside `mask`, and one number from 1 upwards per 8-connected component,
/// in row order of their first pixels.
pub fn labels(mask: &Mask) -> Array2<u32> {
    let mut labels = Array2::zeros(mask.raw_dim());
    let (width, plane) = (mask.ncols(), labels.as_slice_mut().expect("just made"));
    for run in runs(mask).0 {
        plane[run.y * width + run.from..run.y * width + run.to].fill(run.label);
    }
    labels
}

/// The components of `mask` that have at least `least` pixels, as a mask.
pub fn without_specks(mask: &Mask, least: usize) -> Mask {
    keep(mask, |size| size >= least)
}

/// The mask with the holes of fewer than `most` pixels filled.
pub fn without_holes(mask: &Mask, most: usize) -> Mask {
    let holes = keep(&mask.mapv(|inside| !inside), |size| size < most);
    mask | &holes
}

fn keep(mask: &Mask, wanted: impl Fn(usize) -> bool) -> Mask {
    let (runs, count) = runs(mask);
    let sizes = sizes(&runs, count);
    let mut kept = Mask::from_elem(mask.raw_dim(), false);
    let (width, plane) = (mask.ncols(), kept.as_slice_mut().expect("just made"));
    for run in runs.iter().filter(|run| wanted(sizes[run.label as usize])) {
        plane[run.y * width + run.from..run.y * width + run.to].fill(true);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::mask_to_image;
    use imageproc::region_labelling::{Connectivity, connected_components};
    use ndarray::array;

    #[test]
    fn corners_touch() {
        let mask =
            array![[true, false, false], [false, true, false], [false, false, false], [true, false, false]];
        let found = components(&mask);
        assert_eq!(found, vec![vec![(0, 0), (1, 1)], vec![(0, 3)]]);
        assert_eq!(components_of(&mask, |size| size < 2), found[1..]);
    }

    #[test]
    fn labels_agree_with_imageproc() {
        let scattered = |i: usize, share: usize| (i * 7919 + (i / 61) * 104_729) % 97 < share;
        for share in [5, 30, 45, 60, 90] {
            let mask = Mask::from_shape_fn((50, 61), |(y, x)| scattered(y * 61 + x, share));
            let image = connected_components(&mask_to_image(&mask), Connectivity::Eight, image::Luma([0]));
            let mut partners = std::collections::BTreeMap::new();
            for (own, other) in labels(&mask).iter().zip(image.as_raw()) {
                assert_eq!(partners.entry(*own).or_insert(*other), other);
            }
            let distinct: std::collections::BTreeSet<_> = partners.values().collect();
            assert_eq!(distinct.len(), partners.len());
        }
    }

    #[test]
    fn a_single_pixel_is_a_component() {
        assert_eq!(components(&array![[true]]), vec![vec![(0, 0)]]);
    }

    #[test]
    fn specks_go_and_holes_close() {
        let mask = array![
            [true, true, true, false, false],
            [true, false, true, false, true],
            [true, true, true, false, false]
        ];
        assert!(!without_specks(&mask, 2)[[1, 4]]);
        assert!(without_holes(&mask, 2)[[1, 1]]);
    }
}
