//! Which lesion of one session is which of another.
//!
//! Lesions are known by the baseline skin they lie on. Photos are aligned to
//! a fraction of a millimetre, so that a lesion seen again overlaps itself;
//! what overlaps nothing may still be a small lesion that was carried beside
//! itself, and goes to the nearest free one of like size. A linear assignment
//! of all pairs would decide no more: within the gate there is hardly ever a
//! choice, and where there is, the nearest pair goes first.

use crate::filter::components::Component;
use crate::lesion::places::{OTHER, Owner, bounds, fill, is_near_border, owners};
use crate::lesion::segmentation::Spot;
use crate::lesion::sight::Sight;
use crate::raster::{self, Mask};

/// Share of the smaller of two footprints that must overlap.
const OVERLAP: f64 = 0.25;

/// Distance within which a lesion that overlaps nothing is looked for, mm and
/// times the residual of the alignment.
const GATE_MM: f64 = 1.0;
const GATE_RESIDUALS: f64 = 3.0;

/// Ratio of areas beyond which two footprints are not the same lesion.
const GATE_AREA: f64 = 4.0;

/// A lesion, by the baseline skin it lies on.
#[derive(Debug, Clone)]
pub struct Known {
    /// The baseline's coarse pixels that show it in any session.
    pub cells: Component,
    /// How many of them it covered when it was first found.
    pub first_cells: usize,
    /// Area of one of them, baseline's native px².
    pub cell_px2: f64,
    /// Its centre, baseline's native pixels.
    pub centre: [f64; 2],
    /// The session it was first found in.
    pub first: usize,
    /// For each session, the spots found there that are this lesion.
    pub spots: Vec<Vec<usize>>,
}

impl Known {
    /// The radius of a circle of its area, baseline's native pixels.
    pub fn radius(&self) -> f64 {
        (self.cells.len() as f64 * self.cell_px2 / std::f64::consts::PI).sqrt()
    }
}

/// Every lesion of a series, those of the baseline first, then new ones in
/// the order of sessions: adding a session never renames a lesion.
///
/// Lesions that appear outside the baseline photo, or on its border, are left
/// out: there is nothing, or only a piece, to compare them with.
pub fn identify(sights: &[Option<Sight>]) -> Vec<Known> {
    let Some(Some(baseline)) = sights.first() else { return Vec::new() };
    let mut known: Vec<Known> = Vec::new();
    let mut later: Vec<Component> = Vec::new();
    for (session, sight) in sights.iter().enumerate() {
        let Some(sight) = sight else { continue };
        let carried: Vec<Component> =
            sight.spots.iter().map(|spot| to_baseline(baseline, sight, spot)).collect();
        let links = link(baseline, sight, &known, &carried);
        for ((index, cells), lesions) in carried.into_iter().enumerate().zip(links) {
            for &lesion in &lesions {
                known[lesion].spots[session].push(index);
            }
            let whole = session == 0 || !is_near_border(&cells, 1, baseline.excess.dim());
            if lesions.is_empty() && !cells.is_empty() && whole {
                let mut spots = vec![Vec::new(); sights.len()];
                spots[session].push(index);
                let centre = (sight.to_baseline)(sight.spots[index].centre);
                let cell_px2 = (baseline.level.factor * baseline.level.factor) as f64;
                let first_cells = cells.len();
                known.push(Known { cells, first_cells, cell_px2, centre, first: session, spots });
            } else {
                later.push(cells);
            }
        }
    }
    widen(&mut known, &later, baseline.excess.dim());
    known
}

/// Adds to the footprints what lesions cover in later sessions, so that the
/// place of a growing spot is where it will be; what several share goes to
/// the nearest.
fn widen(known: &mut [Known], later: &[Component], shape: (usize, usize)) {
    let mut owner = owners(known.iter().map(|lesion| &lesion.cells), shape);
    let covered = owners(later, shape);
    owner.zip_mut_with(&covered, |label, &cover| {
        *label = if *label == 0 && cover == 0 { OTHER } else { *label }
    });
    fill(&mut owner);
    known.iter_mut().for_each(|lesion| lesion.cells.clear());
    for ((y, x), &label) in owner.indexed_iter().filter(|&(_, &label)| label > 0 && label != OTHER) {
        known[label as usize - 1].cells.push((x as u32, y as u32));
    }
}

/// For each spot, given as baseline cells, the known lesions that it is.
fn link(baseline: &Sight, sight: &Sight, known: &[Known], carried: &[Component]) -> Vec<Vec<usize>> {
    let owner = owners(known.iter().map(|lesion| &lesion.cells), baseline.excess.dim());
    let mut links: Vec<Vec<usize>> = carried.iter().map(|cells| overlapping(&owner, known, cells)).collect();
    let mut pairs = Vec::new();
    for (spot, cells) in carried.iter().enumerate().filter(|(spot, _)| links[*spot].is_empty()) {
        let centre = (sight.to_baseline)(sight.spots[spot].centre);
        for (lesion, other) in known.iter().enumerate() {
            if let Some(distance) = near(baseline, sight, centre, cells, other) {
                pairs.push((distance, spot, lesion));
            }
        }
    }
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, spot, lesion) in pairs {
        if links[spot].is_empty() && !links.iter().any(|lesions| lesions.contains(&lesion)) {
            links[spot].push(lesion);
        }
    }
    links
}

/// The known lesions that share enough of `cells`.
fn overlapping(owner: &Owner, known: &[Known], cells: &Component) -> Vec<usize> {
    let mut shared: Vec<u32> =
        cells.iter().map(|&(x, y)| owner[[y as usize, x as usize]]).filter(|&label| label > 0).collect();
    shared.sort_unstable();
    let enough = |run: &[u32]| {
        let lesion = run[0] as usize - 1;
        let smaller = cells.len().min(known[lesion].cells.len());
        (run.len() as f64 >= OVERLAP * smaller as f64).then_some(lesion)
    };
    shared.chunk_by(|a, b| a == b).filter_map(enough).collect()
}

/// The distance to a known lesion in baseline pixels, if both may be the same.
fn near(baseline: &Sight, sight: &Sight, centre: [f64; 2], cells: &Component, other: &Known) -> Option<f64> {
    let distance = (centre[0] - other.centre[0]).hypot(centre[1] - other.centre[1]);
    let gate = (baseline.px_per_mm() * GATE_MM).max(GATE_RESIDUALS * sight.residual_px);
    let ratio = cells.len() as f64 / other.cells.len().max(1) as f64;
    (distance <= gate && (1.0 / GATE_AREA..=GATE_AREA).contains(&ratio)).then_some(distance)
}

/// The baseline's cells that show the pixels of a spot.
fn to_baseline(baseline: &Sight, sight: &Sight, spot: &Spot) -> Component {
    let [left, top, right, bottom] = bounds(&spot.pixels).unwrap_or_default();
    let mut own = Mask::from_elem((bottom - top + 1, right - left + 1), false);
    spot.pixels.iter().for_each(|&(x, y)| own[[y as usize - top, x as usize - left]] = true);
    let shown = |at: [f64; 2]| {
        let [line, column] = cell_at(sight.excess.dim(), sight.level.factor, at)?;
        own.get([line.checked_sub(top)?, column.checked_sub(left)?]).copied()
    };
    let corners = corners_of(&spot.pixels, sight.level.factor).map(|at| (sight.to_baseline)(at));
    cells_within(baseline, corners)
        .filter(|&(x, y)| shown((sight.to_session)(centre_of(baseline, x, y))) == Some(true))
        .collect()
}

/// Who owns each cell of a session, from who owns the baseline's.
pub fn carry(baseline: &Sight, sight: &Sight, known: &[Known]) -> Owner {
    let at_baseline = owners(known.iter().map(|lesion| &lesion.cells), baseline.excess.dim());
    let mut owner = Owner::zeros(sight.excess.dim());
    for lesion in known {
        let corners = corners_of(&lesion.cells, baseline.level.factor).map(|at| (sight.to_session)(at));
        for (x, y) in cells_within(sight, corners) {
            let at = (sight.to_baseline)(centre_of(sight, x, y));
            owner[[y as usize, x as usize]] = label_at(&at_baseline, baseline.level.factor, at);
        }
    }
    owner
}

/// Native position of a coarse cell's centre.
pub fn centre_of(sight: &Sight, x: u32, y: u32) -> [f64; 2] {
    [x, y].map(|at| raster::cell_centre(f64::from(at), sight.level.factor))
}

/// The coarse cell at a native position, if the plane has it.
pub fn cell_at(shape: (usize, usize), factor: usize, at: [f64; 2]) -> Option<[usize; 2]> {
    let [x, y] = at.map(|at| raster::in_cells(at, factor));
    raster::nearest(x, y).filter(|[column, line]| *column < shape.1 && *line < shape.0).map(|[x, y]| [y, x])
}

fn label_at(owner: &Owner, factor: usize, at: [f64; 2]) -> u32 {
    cell_at(owner.dim(), factor, at).map_or(0, |cell| owner[cell])
}

/// Eight native points around a component: corners and middles of the sides
/// of its box, which between them bound it under a smooth map.
fn corners_of(cells: &Component, factor: usize) -> [[f64; 2]; 8] {
    let [left, top, right, bottom] = bounds(cells).unwrap_or_default();
    let x = |share: f64| raster::cell_centre(left as f64 - 1.0 + share * (right - left + 2) as f64, factor);
    let y = |share: f64| raster::cell_centre(top as f64 - 1.0 + share * (bottom - top + 2) as f64, factor);
    [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 0.5), (1.0, 0.5), (0.0, 1.0), (0.5, 1.0), (1.0, 1.0)]
        .map(|(across, down)| [x(across), y(down)])
}

/// The coarse cells of a session in the box around native points, with a
/// margin of one cell.
fn cells_within(sight: &Sight, points: [[f64; 2]; 8]) -> impl Iterator<Item = (u32, u32)> + use<> {
    let (height, width) = sight.excess.dim();
    let factor = sight.level.factor;
    let span = move |axis: usize, length: usize| {
        let cells = points.map(|point| raster::in_cells(point[axis], factor));
        let least = cells.iter().copied().fold(f64::INFINITY, f64::min) - 1.0;
        let most = cells.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 2.0;
        let clamp = |at: f64| at.clamp(0.0, length as f64) as u32;
        clamp(least.floor())..clamp(most.ceil())
    };
    let (across, down) = (span(0, width), span(1, height));
    down.flat_map(move |y| across.clone().map(move |x| (x, y)))
}
