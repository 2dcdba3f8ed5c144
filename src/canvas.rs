//! The skin that all photos of a series share, and how each of them sees it.
//!
//! Lives in the baseline's frame. Nothing is warped: a photo looks up, for
//! each of its own cells, which piece of baseline skin it shows.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::alignment::Transform;
use crate::raster::{self, Mask, cell_centre, covers, in_cells, nearest};
use crate::region::{Outline, Region, SKIN, Tiles};
use crate::units::FilterScale;

/// Side of a tile, mm: longer than skin's pattern is correlated.
const TILE_MM: f64 = 5.0;

/// Tiles that the shared skin is divided into at least, where it can be.
const LEAST_TILES: f64 = 36.0;

/// About how many places of a region are asked for the error of its place.
const MOST_PLACES: usize = 400;

/// Cells between the nodes of a [`Lattice`]: deformations are smooth over
/// millimetres, this is about one.
const LATTICE: usize = 8;

/// Valid skin of one photo on its coarse level.
#[derive(Debug, Clone, Copy)]
pub struct Skin<'a> {
    /// The valid cells.
    pub mask: &'a Mask,
    /// Native pixels per cell.
    pub factor: usize,
}

/// The shared skin, its regions and its tiles, in baseline cells.
#[derive(Debug)]
pub struct Canvas {
    factor: usize,
    tile_side: usize,
    regions: Vec<(String, Mask)>,
}

impl Canvas {
    /// The canvas of the baseline skin seen by every one of `others`, with
    /// the regions drawn on the baseline. `scale` is the baseline's native one.
    pub fn new(
        baseline: Skin,
        scale: FilterScale,
        others: &[(&Transform, Skin)],
        outlines: &[Outline],
    ) -> Self {
        let mut common = baseline.mask.clone();
        for (transform, skin) in others {
            common = seen(&common, baseline.factor, transform, *skin);
        }
        let mut regions: Vec<(String, Mask)> = outlines
            .iter()
            .map(|outline| (outline.name().to_owned(), &outline.rasterise(baseline.factor) & &common))
            .collect();
        let tile_side = tile_side(raster::count(&common), scale.reduced(baseline.factor));
        regions.insert(0, (SKIN.to_owned(), common));
        Self { factor: baseline.factor, tile_side, regions }
    }

    /// The regions as a photo shows them through its transform from the baseline.
    pub fn regions_in(&self, transform: &Transform, skin: Skin) -> Vec<Region> {
        let way_back = Lattice::new(|at| transform.map_back(at), raster::size(skin.mask), skin.factor);
        let columns = self.regions[0].1.ncols().div_ceil(self.tile_side);
        let count = columns * self.regions[0].1.nrows().div_ceil(self.tile_side);
        self.regions
            .iter()
            .map(|(name, mask)| {
                let cell = |place: [f64; 2]| {
                    let [x, y] = place.map(|at| in_cells(at, self.factor));
                    let (x, y) = cell_of(mask, x, y)?;
                    Some((y / self.tile_side * columns + x / self.tile_side) as u16)
                };
                let mut labels = Array2::from_elem(skin.mask.raw_dim(), Tiles::OUTSIDE);
                labels.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(y, mut labels)| {
                    let way_back = way_back.line(y);
                    let inside = labels.iter_mut().enumerate().filter(|(x, _)| skin.mask[[y, *x]]);
                    inside.for_each(|(x, label)| {
                        *label = way_back.at(x).and_then(cell).unwrap_or(Tiles::OUTSIDE);
                    });
                });
                Region { name: name.clone(), tiles: Tiles::new(labels, skin.factor, count) }
            })
            .collect()
    }

    /// Places spread over every region, some hundreds at most, native baseline
    /// pixels; in the order of [`Canvas::regions_in`].
    pub fn places(&self) -> Vec<Vec<[f64; 2]>> {
        let spread = |mask: &Mask| {
            let cells = mask.indexed_iter().filter(|(_, inside)| **inside).map(|(cell, _)| cell);
            let step = (raster::count(mask) / MOST_PLACES).max(1);
            let centre = |at: usize| cell_centre(at as f64, self.factor);
            cells.step_by(step).map(|(y, x)| [centre(x), centre(y)]).collect()
        };
        self.regions.iter().map(|(_, mask)| spread(mask)).collect()
    }

    /// The shared skin, in baseline cells of `Canvas::factor` native pixels.
    pub fn common(&self) -> &Mask {
        &self.regions[0].1
    }

    /// Every region by its name, in baseline cells; the shared skin first.
    pub fn regions(&self) -> &[(String, Mask)] {
        &self.regions
    }

    /// Native baseline pixels per cell.
    pub fn factor(&self) -> usize {
        self.factor
    }
}

/// The part of `mask` (baseline cells) that a photo shows as valid skin.
pub fn seen(mask: &Mask, factor: usize, transform: &Transform, skin: Skin) -> Mask {
    let way = Lattice::new(|at| Some(transform.map(at)), raster::size(mask), factor);
    raster::rows(mask.ncols(), mask.nrows(), |y, out| {
        let way = way.line(y);
        for (x, value) in out.iter_mut().enumerate().filter(|(x, _)| mask[[y, *x]]) {
            *value = way.at(x).is_some_and(|[px, py]| {
                covers(skin.mask, in_cells(px, skin.factor), in_cells(py, skin.factor))
            });
        }
    })
}

/// What `values` (baseline cells) say of the place that each cell of a photo
/// shows; the default value off the skin.
pub fn carried<T>(values: &Array2<T>, factor: usize, transform: &Transform, skin: Skin) -> Array2<T>
where
    T: Copy + Default + Send + Sync,
{
    let way_back = Lattice::new(|at| transform.map_back(at), raster::size(skin.mask), skin.factor);
    raster::rows(skin.mask.ncols(), skin.mask.nrows(), |y, out| {
        let way_back = way_back.line(y);
        for (x, value) in out.iter_mut().enumerate().filter(|(x, _)| skin.mask[[y, *x]]) {
            if let Some([px, py]) = way_back.at(x) {
                *value = raster::at_nearest(values, in_cells(px, factor), in_cells(py, factor));
            }
        }
    })
}

fn cell_of(mask: &Mask, x: f64, y: f64) -> Option<(usize, usize)> {
    let [column, line] = nearest(x, y)?;
    (*mask.get([line, column])?).then_some((column, line))
}

/// Tiles of [`TILE_MM`], smaller where that would leave too few.
fn tile_side(cells: usize, scale: FilterScale) -> usize {
    let enough = (cells as f64 / LEAST_TILES).sqrt();
    scale.px(TILE_MM).min(enough).max(4.0).round() as usize
}

/// Where each cell of a plane lies in another photo, worked out on a lattice
/// and interpolated between.
pub struct Lattice {
    /// Not numbers where there is no place.
    nodes: Array2<[f64; 2]>,
    factor: usize,
}

impl Lattice {
    /// The lattice of `place`, a map between native pixels, for a plane of
    /// `width` by `height` cells of `factor` native pixels.
    pub fn new(
        place: impl Fn([f64; 2]) -> Option<[f64; 2]> + Sync,
        (width, height): (usize, usize),
        factor: usize,
    ) -> Self {
        let (columns, lines) = (width / LATTICE + 2, height / LATTICE + 2);
        let centre = |i: usize| cell_centre((i * LATTICE) as f64, factor);
        let nodes = (0..columns * lines)
            .into_par_iter()
            .map(|i| place([centre(i % columns), centre(i / columns)]).unwrap_or([f64::NAN; 2]))
            .collect();
        Self { nodes: Array2::from_shape_vec((lines, columns), nodes).expect("one place per node"), factor }
    }

    /// The native pixels that the cell (`x`, `y`) lies at; `None` outside.
    pub fn at(&self, x: usize, y: usize) -> Option<[f64; 2]> {
        let share = |at: usize| (at % LATTICE) as f64 / LATTICE as f64;
        self.between([x / LATTICE, y / LATTICE], [share(x), share(y)])
    }

    /// The same for all cells of row `y`, one after the other.
    pub fn line(&self, y: usize) -> Line {
        let [above, below] = [0, 1].map(|more| self.nodes.row(y / LATTICE + more));
        let share = (y % LATTICE) as f64 / LATTICE as f64;
        Line { nodes: above.iter().zip(below).map(|(&above, &below)| mix(above, below, share)).collect() }
    }

    /// The same for a place in native pixels of the plane; `None` too where it
    /// lies off the lattice.
    pub fn near(&self, at: [f64; 2]) -> Option<[f64; 2]> {
        let [x, y] = at.map(|at| in_cells(at, self.factor) / LATTICE as f64);
        let (columns, lines) = raster::size(&self.nodes);
        let inside = x >= 0.0 && y >= 0.0 && x < (columns - 1) as f64 && y < (lines - 1) as f64;
        inside.then(|| self.between([x as usize, y as usize], [x.fract(), y.fract()]))?
    }

    /// Between the nodes from (`column`, `line`) on, by shares of their distance.
    fn between(&self, [column, line]: [usize; 2], [fx, fy]: [f64; 2]) -> Option<[f64; 2]> {
        let node = |dy: usize, dx: usize| self.nodes[[line + dy, column + dx]];
        known(mix(mix(node(0, 0), node(0, 1), fx), mix(node(1, 0), node(1, 1), fx), fy))
    }
}

/// A place between nodes, if all of them have one.
fn known(place: [f64; 2]) -> Option<[f64; 2]> {
    (!place[0].is_nan()).then_some(place)
}

/// The place that lies a share `f` of the way from `a` to `b`.
fn mix(a: [f64; 2], b: [f64; 2], f: f64) -> [f64; 2] {
    [a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f]
}

/// One row of a [`Lattice`].
pub struct Line {
    nodes: Vec<[f64; 2]>,
}

impl Line {
    /// The native pixels that the cell in column `x` lies at; `None` outside.
    pub fn at(&self, x: usize) -> Option<[f64; 2]> {
        let share = (x % LATTICE) as f64 / LATTICE as f64;
        known(mix(self.nodes[x / LATTICE], self.nodes[x / LATTICE + 1], share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(size: usize) -> Mask {
        Array2::from_elem((size, size), true)
    }

    #[test]
    fn a_lattice_knows_places_between_cells_and_none_beside_itself() {
        let lattice = Lattice::new(|[x, y]| Some([x + 2.0 * y, 3.0 - y]), (20, 12), 3);
        for at in [[1.0, 1.0], [17.25, 30.5], [58.0, 34.0]] {
            let [x, y] = lattice.near(at).unwrap();
            assert!((x - at[0] - 2.0 * at[1]).abs() < 1e-9 && (y + at[1] - 3.0).abs() < 1e-9);
        }
        assert_eq!(lattice.near([4.0, 7.0]), lattice.at(1, 2));
        let [[x, y], [u, v]] = [lattice.line(9).at(13), lattice.at(13, 9)].map(Option::unwrap);
        assert!((x - u).abs() < 1e-9 && (y - v).abs() < 1e-9);
        assert_eq!([lattice.near([-40.0, 5.0]), lattice.near([5.0, 400.0])], [None, None]);
    }

    #[test]
    fn a_shifted_photo_shares_what_both_show_and_sees_the_same_tiles() {
        let (mask, scale) = (square(40), FilterScale { px_per_mm: 4.0, physical: true });
        let skin = Skin { mask: &mask, factor: 2 };
        let shift = Transform::from_matrix([[1.0, 0.0, 20.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
        let canvas = Canvas::new(skin, scale, &[(&shift, skin)], &[]);
        assert_eq!(raster::count(canvas.common()), 40 * 30);
        let here = canvas.regions_in(&Transform::identity(), skin);
        let there = canvas.regions_in(&shift, skin);
        assert_eq!(here[0].tiles.at(10.0, 10.0), there[0].tiles.at(30.0, 10.0));
        assert_eq!(there[0].tiles.at(5.0, 10.0), None);
        assert_eq!(here[0].area_px(), there[0].area_px());
    }
}
