//! Regions parted where their peaks are parted by saddles: a watershed by persistence.

use ndarray::Array2;

use crate::filter::components::Component;
use crate::lesion::places::{Owner, bounds, neighbours};
use crate::raster::Plane;

/// Share of the lower of two peaks that the saddle between them must lie
/// below the peak for the two to be two lesions. Chosen by us.
const SADDLE: f32 = 0.3;

/// A basin of the watershed: what has been flooded from one peak.
struct Basin {
    peak: f32,
    size: usize,
    /// The basin it has been poured into; itself while it stands.
    into: usize,
}

/// A region split where peaks are parted by saddles.
///
/// Pixels are flooded from the highest down. Where two basins meet they
/// become one, unless both are large enough and the lower peak stands clear
/// of the saddle: by `least_rise` and by [`SADDLE`] of itself.
pub fn split(peaks: &Plane, region: Component, least_rise: f32, least: usize) -> Vec<Component> {
    let mut order = region;
    let at = |p: &(u32, u32)| peaks[[p.1 as usize, p.0 as usize]];
    order.sort_unstable_by(|p, q| at(q).total_cmp(&at(p)).then((p.1, p.0).cmp(&(q.1, q.0))));
    let Some([left, top, right, bottom]) = bounds(&order) else { return Vec::new() };
    let mut label: Owner = Array2::zeros((bottom - top + 1, right - left + 1));
    let mut basins: Vec<Basin> = Vec::new();
    for pixel in &order {
        let (x, y, value) = (pixel.0 as usize - left, pixel.1 as usize - top, at(pixel));
        let mut touching: Vec<usize> = neighbours(x, y, label.ncols(), label.nrows(), true)
            .filter_map(|(i, j)| (label[[j, i]] as usize).checked_sub(1))
            .map(|basin| standing(&basins, basin))
            .collect();
        touching.sort_unstable();
        touching.dedup();
        let home = meet(&mut basins, &touching, value, least_rise, least);
        basins[home].size += 1;
        label[[y, x]] = home as u32 + 1;
    }
    gather(&order, &label, &basins, left, top)
}

/// The basin that a pixel of `value` goes to; pours low basins into it.
fn meet(basins: &mut Vec<Basin>, touching: &[usize], value: f32, least_rise: f32, least: usize) -> usize {
    // Peaks come down as flooding goes on: the earliest basin is the highest.
    let Some((&home, others)) = touching.split_first() else {
        basins.push(Basin { peak: value, size: 0, into: basins.len() });
        return basins.len() - 1;
    };
    for &other in others {
        let Basin { peak, size, .. } = basins[other];
        if size < least || peak - value < least_rise.max(SADDLE * peak) {
            basins[other].into = home;
            basins[home].size += size;
        }
    }
    home
}

fn standing(basins: &[Basin], mut basin: usize) -> usize {
    while basins[basin].into != basin {
        basin = basins[basin].into;
    }
    basin
}

/// The pixels of each standing basin in row order, basins in row order of
/// their first pixels.
fn gather(order: &Component, label: &Owner, basins: &[Basin], left: usize, top: usize) -> Vec<Component> {
    let mut parts = vec![Component::new(); basins.len()];
    for &(x, y) in order {
        let basin = label[[y as usize - top, x as usize - left]] as usize - 1;
        parts[standing(basins, basin)].push((x, y));
    }
    parts.retain(|part| !part.is_empty());
    parts.iter_mut().for_each(|part| part.sort_unstable_by_key(|&(x, y)| (y, x)));
    parts.sort_unstable_by_key(|part| (part[0].1, part[0].0));
    parts
}
