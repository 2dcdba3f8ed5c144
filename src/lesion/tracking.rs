//! Lesions followed through the sessions of a series.
//!
//! Detection only decides which lesions there are. Each is then measured in
//! every session at its own place, whether it was detected there or not: a
//! spot that has faded below the threshold still has a dose, and a series is
//! not one of survivors.

use rayon::prelude::*;

use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
use crate::filter::components::Component;
use crate::lesion::LesionKind;
use crate::lesion::LesionStatus::{self, Present};
use crate::lesion::fate::{reshaping, statuses};
use crate::lesion::identity::{Known, carry, cell_at, centre_of, identify};
use crate::lesion::photometry::{Light, Noise, dose_above, error_weight};
use crate::lesion::places::{OTHER, Owner, Places, grow, is_near_border};
use crate::lesion::segmentation::{rim, smoothed};
use crate::lesion::sight::{Seen, Sight};
use crate::raster::{cell_centre, in_cells, rows, sample};

/// Share of a lesion's place that must be valid skin for it to be seen.
const VISIBLE: f64 = 0.9;

/// A lesion through a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// `kind-number`, numbered from 1 in the order of first sight.
    pub id: String,
    /// What it is.
    pub kind: LesionKind,
    /// Its centre in the baseline's native pixels.
    pub centre: [f64; 2],
    /// One entry per session.
    pub sightings: Vec<Sighting>,
}

/// A lesion's place in one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// What became of it; `None` where its place was seen before it appeared.
    pub status: Option<LesionStatus>,
    /// What was measured there; `None` where the place was not seen.
    pub seen: Option<Seen>,
}

/// Follows the lesions of one kind. The first session is the baseline; a
/// session that could not be aligned is `None`.
pub fn track(kind: LesionKind, sights: &[Option<Sight>]) -> Vec<Track> {
    let known = identify(sights);
    let Some(Some(baseline)) = sights.first() else { return Vec::new() };
    let residual_mm = |sight: &Sight| sight.residual_px / sight.px_per_mm();
    let residual_mm = sights.iter().flatten().map(residual_mm).fold(0.0, f64::max);
    if known.is_empty() {
        return Vec::new();
    }
    let seen: Vec<Vec<Option<Seen>>> = sights
        .par_iter()
        .enumerate()
        .map(|(session, sight)| look(kind, baseline, sight.as_ref(), &known, session, residual_mm))
        .collect();
    let follow = |(index, lesion): (usize, &Known)| {
        let seen: Vec<Option<Seen>> = seen.iter().map(|session| session[index]).collect();
        let statuses = statuses(lesion, &seen);
        let reshaped = |session: usize| reshaping(sights[session].as_ref()?, &known, index, session);
        let sighting = |(session, (seen, status)): (usize, (Option<Seen>, Option<LesionStatus>))| Sighting {
            status: if status == Some(Present) { reshaped(session).or(status) } else { status },
            seen,
        };
        Track {
            id: format!("{}-{}", kind.name(), index + 1),
            kind,
            centre: lesion.centre,
            sightings: seen.into_iter().zip(statuses).enumerate().map(sighting).collect(),
        }
    };
    known.iter().enumerate().map(follow).collect()
}

/// Whether a lesion's rim would reach beyond the baseline photo. The skin
/// around it is then not the same in both photos, and its mottle does not cancel.
fn is_cut(kind: LesionKind, baseline: &Sight, lesion: &Known) -> bool {
    is_near_border(&lesion.cells, rim(kind, baseline.level), baseline.excess.dim())
}

/// Every known lesion measured in one session.
fn look(
    kind: LesionKind,
    baseline: &Sight,
    sight: Option<&Sight>,
    known: &[Known],
    session: usize,
    residual_mm: f64,
) -> Vec<Option<Seen>> {
    let Some(sight) = sight else { return vec![None; known.len()] };
    let smooth = smoothed(sight.excess, sight.level);
    let owner = places_in(kind, baseline, sight, known, residual_mm);
    let places = Places::new(&owner, known.len(), &sight.level.skin, &sight.level.skin, sight.level.scale);
    let noise = Noise::new(sight.excess, places.plain(), places.apart());
    let paired = (session > 0).then(|| paired_noise(baseline, sight, &places));
    let cell = (sight.level.factor * sight.level.factor) as f64;
    let measure = |(index, lesion): (usize, &Known)| {
        let visible = visible_fraction(baseline, sight, lesion) >= VISIBLE;
        let place = visible.then(|| places.place(index))?;
        let mut ring = places.ring(index);
        ring.retain(|&(x, y)| shown_by_baseline(baseline, sight, x, y));
        let light = Light::measure(sight.excess, &smooth, place, &ring, &noise)?;
        let magnification = sight.magnification(lesion.centre, lesion.radius());
        // What counts is where the skin was darker, and a place is as dark as what first was there.
        let weight = weight_of(kind, sight, place).max(weight_of(kind, baseline, &lesion.cells));
        let area = place.len() as f64 * cell / magnification;
        // Compression rounds the rim of the place as it rounds the skin around.
        let footprint = weight * lesion.cells.len() as f64 * lesion.cell_px2;
        let plateau = footprint * sight.level_error;
        let plateaus = footprint * sight.level_error.hypot(baseline.level_error);
        let leaked = sight.leak.map_or(0.0, |(other, share)| share * dose_above(other, place, &ring));
        let error = |noise: &Noise| {
            let cells = |pixels: usize| pixels as f64 * cell / magnification / lesion.cell_px2;
            area * noise.of_mean(cells(place.len())).hypot(noise.of_mean(cells(ring.len())))
        };
        Some(Seen {
            dose: light.dose * cell,
            dose_standard_error: (weight * light.dose_standard_error * cell).hypot(plateau * magnification),
            // What compression does to plain skin is part of its noise: the larger of the two counts.
            difference_standard_error: paired.as_ref().map_or(0.0, |noise| {
                let cut = is_cut(kind, baseline, lesion);
                let of_noise =
                    if cut { light.dose_standard_error * cell / magnification } else { error(noise) };
                plateaus.max(weight * of_noise)
            }),
            leaked: leaked * cell,
            contrast: light.contrast,
            area_px: light.area().map(|area| area * cell),
            centre: light.centre.map(|at| cell_centre(at, sight.level.factor)),
            magnification,
        })
    };
    known.iter().enumerate().map(measure).collect()
}

/// The [`error_weight`] of a place of a session, 1 where only one chromophore is known.
fn weight_of(kind: LesionKind, sight: &Sight, cells: &Component) -> f64 {
    let [own, other] = match kind {
        LesionKind::Pigmented => [MELANIN, HEMOGLOBIN],
        LesionKind::Vascular => [HEMOGLOBIN, MELANIN],
        LesionKind::Scar => return 1.0,
    };
    // Of blue, the darkest channel of skin.
    sight.leak.map_or(1.0, |(others, _)| error_weight([(sight.excess, own[2]), (others, other[2])], cells))
}

/// The noise of what a session shows minus what the baseline shows of the
/// same skin, where neither has a lesion, on the baseline's coarse level.
fn paired_noise(baseline: &Sight, sight: &Sight, places: &Places) -> Noise {
    let (height, width) = baseline.excess.dim();
    let difference = rows(width, height, |y, out| {
        for (x, value) in out.iter_mut().enumerate() {
            let at = (sight.to_session)(centre_of(baseline, x as u32, y as u32));
            let plain =
                cell_at(sight.excess.dim(), sight.level.factor, at).is_some_and(|cell| places.plain()[cell]);
            let [column, line] = at.map(|at| in_cells(at, sight.level.factor));
            let shown = sample(sight.excess, column, line).filter(|_| plain && baseline.level.skin[[y, x]]);
            *value = shown.map_or(f32::NAN, |shown| shown - baseline.excess[[y, x]]);
        }
    });
    let known = ndarray::Zip::from(&difference).par_map_collect(|value| !value.is_nan());
    let difference = difference.mapv_into(|value| if value.is_nan() { 0.0 } else { value });
    Noise::new(&difference, &known, places.apart())
}

/// The lesions' places in a session: their footprints on the baseline carried
/// there, grown by the rim that blur reaches and by the `residual_mm` of the
/// alignment. Both are the same in every session, so that the same skin is
/// measured in each and no session's place is larger than another's.
fn places_in(kind: LesionKind, baseline: &Sight, sight: &Sight, known: &[Known], residual_mm: f64) -> Owner {
    let mut owner = carry(baseline, sight, known);
    let residual = sight.level.scale.px(residual_mm).round() as usize;
    grow(&mut owner, rim(kind, sight.level) + residual);
    // Lesions that the baseline does not show are no plain skin either.
    for &(x, y) in sight.spots.iter().flat_map(|spot| &spot.pixels) {
        let cell = &mut owner[[y as usize, x as usize]];
        *cell = if *cell == 0 { OTHER } else { *cell };
    }
    keep_common(&mut owner, baseline, sight);
    owner
}

/// Takes out of all places what the baseline does not show as skin: a lesion
/// at the edge of its photo has not grown because another shows more of it.
fn keep_common(owner: &mut Owner, baseline: &Sight, sight: &Sight) {
    for ((y, x), label) in owner.indexed_iter_mut().filter(|(_, label)| **label > 0) {
        if !shown_by_baseline(baseline, sight, x as u32, y as u32) {
            *label = OTHER;
        }
    }
}

/// Whether the baseline shows as skin what a cell of a session shows.
fn shown_by_baseline(baseline: &Sight, sight: &Sight, x: u32, y: u32) -> bool {
    let at = (sight.to_baseline)(centre_of(sight, x, y));
    let cell = cell_at(baseline.excess.dim(), baseline.level.factor, at);
    cell.is_some_and(|cell| baseline.level.skin[cell])
}

/// The share of a lesion's baseline cells that this session shows as skin.
fn visible_fraction(baseline: &Sight, sight: &Sight, lesion: &Known) -> f64 {
    let shown = |&&(x, y): &&(u32, u32)| {
        let at = (sight.to_session)(centre_of(baseline, x, y));
        cell_at(sight.excess.dim(), sight.level.factor, at).is_some_and(|cell| sight.level.skin[cell])
    };
    lesion.cells.iter().filter(shown).count() as f64 / lesion.cells.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesion::LesionStatus::{Merged, New, NotVisible, Resolved, Split};
    use crate::lesion::segmentation::{Hysteresis, Spot, Thresholds, find};
    use crate::metrics::maps::Level;
    use crate::raster::{Mask, Plane};
    use crate::units::FilterScale;
    use proptest::prelude::*;

    const LEAST: Hysteresis = Hysteresis { high: 0.08, low: 0.04 };
    const THRESHOLDS: Thresholds = Thresholds { fine: LEAST, wide: None, level_error: 0.0 };
    const SIDE: usize = 120;

    /// x, y, radius in baseline pixels and density.
    type Disc = (f64, f64, f64, f32);

    /// How a session shows the baseline: magnified, then shifted.
    #[derive(Clone, Copy)]
    struct View {
        zoom: f64,
        shift: [f64; 2],
    }

    const STILL: View = View { zoom: 1.0, shift: [0.0; 2] };

    impl View {
        fn forth(self, [x, y]: [f64; 2]) -> [f64; 2] {
            [x * self.zoom + self.shift[0], y * self.zoom + self.shift[1]]
        }

        fn back(self, [x, y]: [f64; 2]) -> [f64; 2] {
            [(x - self.shift[0]) / self.zoom, (y - self.shift[1]) / self.zoom]
        }
    }

    struct Visit {
        view: View,
        excess: Plane,
        level: Level,
        spots: Vec<Spot>,
    }

    fn visit(discs: &[Disc], view: View) -> Visit {
        let excess = Plane::from_shape_fn((SIDE, SIDE), |(y, x)| {
            let points = (0..16).map(|i| {
                [x as f64 - 0.375 + 0.25 * (i % 4) as f64, y as f64 - 0.375 + 0.25 * (i / 4) as f64]
            });
            let share = |&(cx, cy, r, c): &Disc| {
                let inside = |&p: &[f64; 2]| {
                    let q = view.back(p);
                    (q[0] - cx).hypot(q[1] - cy) <= r
                };
                points.clone().filter(inside).count() as f32 / 16.0 * c
            };
            // Noise of the photo: a fixed pattern, other for another view.
            let grain =
                ((x * 7919 + y * 104_729 + (view.shift[0] * 31.0) as usize * 13) % 97) as f32 / 97.0 - 0.5;
            discs.iter().map(share).sum::<f32>() + 0.01 * grain
        });
        let scale = FilterScale { px_per_mm: 8.0 * view.zoom, physical: true };
        let level = Level { factor: 1, scale, skin: Mask::from_elem((SIDE, SIDE), true) };
        let spots = find(LesionKind::Pigmented, &excess, &level, &level.skin, THRESHOLDS);
        Visit { view, excess, level, spots }
    }

    fn follow(visits: &[Visit]) -> Vec<Track> {
        let maps: Vec<_> = visits
            .iter()
            .map(|visit| {
                let view = visit.view;
                (move |at| view.forth(at), move |at| view.back(at))
            })
            .collect();
        let sights: Vec<Option<Sight>> = visits
            .iter()
            .zip(&maps)
            .map(|(visit, (forth, back))| {
                Some(Sight {
                    level: &visit.level,
                    excess: &visit.excess,
                    spots: &visit.spots,
                    to_session: forth,
                    to_baseline: back,
                    residual_px: 0.5,
                    level_error: 0.0,
                    leak: None,
                })
            })
            .collect();
        track(LesionKind::Pigmented, &sights)
    }

    fn statuses_of(track: &Track) -> Vec<Option<LesionStatus>> {
        track.sightings.iter().map(|sighting| sighting.status).collect()
    }

    /// Dose in baseline px².
    fn dose(sighting: &Sighting) -> f64 {
        sighting.seen.map(|seen| seen.dose / seen.magnification).unwrap()
    }

    /// Of two spots that appear, one lies half outside the baseline photo; the
    /// second photo shows 14 px more there.
    #[test]
    fn what_appears_on_the_border_of_the_baseline_is_left_out() {
        let shifted = View { zoom: 1.0, shift: [14.0, 0.0] };
        let appeared = [(30.0, 30.0, 8.0, 0.3), (60.0, 80.0, 8.0, 0.3), (0.0, 80.0, 8.0, 0.3)];
        let tracks = follow(&[visit(&appeared[..1], STILL), visit(&appeared, shifted)]);
        let statuses: Vec<_> = tracks.iter().map(statuses_of).collect();
        assert_eq!(statuses, [vec![Some(Present); 2], vec![None, Some(New)]]);
    }

    #[test]
    fn a_fading_spot_keeps_its_identity_and_its_place_below_the_threshold() {
        let moved = View { zoom: 1.1, shift: [-7.3, 4.6] };
        let at = |density: f32| [(60.0, 50.0, 10.0, density), (30.0, 30.0, 8.0, 0.3)];
        let tracks = follow(&[visit(&at(0.3), STILL), visit(&at(0.15), moved), visit(&at(0.07), moved)]);
        let track = tracks.iter().find(|track| track.centre[0] > 45.0).unwrap();
        assert_eq!((tracks.len(), statuses_of(track)), (2, vec![Some(Present); 3]));
        for (sighting, expected) in track.sightings.iter().zip([0.3, 0.15, 0.07]) {
            // π·10² px² times the density.
            assert!((dose(sighting) / (314.16 * expected) - 1.0).abs() < 0.04, "{}", dose(sighting));
        }
        let centre = moved.forth([60.0, 50.0]);
        let seen = track.sightings[1].seen.unwrap();
        assert!((seen.centre[0] - centre[0]).abs() < 0.3 && (seen.centre[1] - centre[1]).abs() < 0.3);
        assert!((seen.magnification - 1.21).abs() < 1e-6);
    }

    #[test]
    fn a_spot_resolves_only_where_its_place_was_seen_and_may_come_back() {
        let (spot, other) = ((60.0, 60.0, 10.0, 0.3), (25.0, 25.0, 8.0, 0.3));
        let mut hidden = visit(&[other], STILL);
        hidden.level.skin =
            Mask::from_shape_fn((SIDE, SIDE), |(y, x)| x.abs_diff(60).max(y.abs_diff(60)) > 14);
        let visits =
            [visit(&[other, spot], STILL), visit(&[other], STILL), hidden, visit(&[other, spot], STILL)];
        let tracks = follow(&visits);
        assert_eq!(statuses_of(&tracks[1]), [Some(Present), Some(Resolved), Some(NotVisible), Some(Present)]);
        assert_eq!(tracks[1].sightings[2].seen, None);
        assert!(dose(&tracks[1].sightings[1]).abs() < 2.0);
    }

    #[test]
    fn a_new_spot_is_new_once_and_never_renames_others() {
        let (old, new) = ((30.0, 70.0, 9.0, 0.3), (80.0, 20.0, 9.0, 0.3));
        let view = View { zoom: 0.95, shift: [3.0, 2.0] };
        let tracks = follow(&[visit(&[old], STILL), visit(&[new, old], view), visit(&[new, old], STILL)]);
        assert_eq!(tracks.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["pigmented-1", "pigmented-2"]);
        assert!((tracks[0].centre[0] - 30.0).abs() < 0.5 && (tracks[1].centre[0] - 80.0).abs() < 0.5);
        assert_eq!(statuses_of(&tracks[1]), [None, Some(New), Some(Present)]);
    }

    #[test]
    fn a_spot_about_the_threshold_has_been_there_all_along() {
        let faint = |density: f32| [(60.0, 60.0, 10.0, density), (25.0, 25.0, 8.0, 0.3)];
        let tracks = follow(&[visit(&faint(0.075), STILL), visit(&faint(0.085), STILL)]);
        let track = tracks.iter().find(|track| track.centre[0] > 45.0).unwrap();
        assert_eq!(statuses_of(track), [Some(Present), Some(Present)]);
    }

    #[test]
    fn spots_that_grow_together_merge_and_share_the_dose_between_them() {
        let pair = |radius: f64| [(48.0, 60.0, radius, 0.3), (72.0, 60.0, radius, 0.3)];
        let tracks = follow(&[visit(&pair(8.0), STILL), visit(&[(60.0, 60.0, 26.0, 0.3)], STILL)]);
        assert_eq!(tracks.len(), 2);
        assert!(tracks.iter().all(|track| statuses_of(track) == [Some(Present), Some(Merged)]));
        let together: f64 = tracks.iter().map(|track| dose(&track.sightings[1])).sum();
        assert!((together / (std::f64::consts::PI * 676.0 * 0.3) - 1.0).abs() < 0.03, "{together}");
    }

    #[test]
    fn a_spot_that_clears_in_its_middle_comes_apart_and_stays_one() {
        let whole = visit(&[(60.0, 60.0, 22.0, 0.3)], STILL);
        let parts = visit(&[(46.0, 60.0, 7.0, 0.3), (74.0, 60.0, 7.0, 0.3)], STILL);
        let tracks = follow(&[whole, parts]);
        assert_eq!((tracks.len(), statuses_of(&tracks[0])), (1, vec![Some(Present), Some(Split)]));
    }

    #[test]
    fn a_spot_at_the_photos_edge_is_known_less_well_and_does_not_grow_in_another_frame() {
        let spots = [(60.0, 3.0, 8.0, 0.3), (60.0, 60.0, 8.0, 0.3)];
        let tracks = follow(&[visit(&spots, STILL), visit(&spots, View { zoom: 1.0, shift: [0.0, 12.0] })]);
        let [edge, whole] = [0, 1].map(|i| tracks[i].sightings[1].seen.unwrap());
        assert!(edge.difference_standard_error >= edge.dose_standard_error);
        assert!(whole.difference_standard_error < edge.difference_standard_error * 2.0);
        assert!((dose(&tracks[0].sightings[1]) / dose(&tracks[0].sightings[0]) - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_photo_that_could_not_be_aligned_shows_nothing_and_no_baseline_means_no_lesions() {
        let baseline = visit(&[(60.0, 60.0, 10.0, 0.3)], STILL);
        let same = |at: [f64; 2]| at;
        let sight = || Sight {
            level: &baseline.level,
            excess: &baseline.excess,
            spots: &baseline.spots,
            to_session: &same,
            to_baseline: &same,
            residual_px: 0.0,
            level_error: 0.0,
            leak: None,
        };
        let tracks = track(LesionKind::Scar, &[Some(sight()), None]);
        assert_eq!(
            (tracks[0].id.as_str(), statuses_of(&tracks[0])),
            ("scar-1", vec![Some(Present), Some(NotVisible)])
        );
        assert!(track(LesionKind::Scar, &[None, Some(sight())]).is_empty());
        assert!(track(LesionKind::Scar, &[]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn nothing_changes_when_only_the_camera_moves(
            zoom in 0.9..1.15f64, dx in -8.0..8.0f64, dy in -8.0..8.0f64, radius in 5.0..11.0f64,
        ) {
            let spots = [(45.0, 60.0, radius, 0.25), (80.0, 55.0, 7.0, 0.4)];
            let tracks = follow(&[visit(&spots, STILL), visit(&spots, View { zoom, shift: [dx, dy] })]);
            prop_assert_eq!(tracks.len(), 2);
            for track in &tracks {
                prop_assert_eq!(statuses_of(track), vec![Some(Present); 2]);
                let [before, after] = [dose(&track.sightings[0]), dose(&track.sightings[1])];
                prop_assert!((after / before - 1.0).abs() < 0.03, "{} {}", before, after);
            }
        }
    }
}
