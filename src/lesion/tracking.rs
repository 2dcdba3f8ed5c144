//! Lesions followed through the sessions of a series.
//!
//! Detection only decides which lesions there are. Each is then measured in
//! every session at its own place, whether it was detected there or not: a
//! spot that has faded below the threshold still has a dose, and a series is
//! not one of survivors.

use crate::lesion::LesionKind;
use crate::lesion::LesionStatus::{self, Merged, New, NotVisible, Present, Resolved, Split};
use crate::lesion::identity::{Known, carry, cell_at, centre_of, identify};
use crate::lesion::photometry::{Light, Noise};
use crate::lesion::places::{Owner, Places, grow};
use crate::lesion::segmentation::{Spot, Thresholds, rim, smoothed};
use crate::metrics::maps::Level;
use crate::raster::{Plane, cell_centre};

/// Share of a lesion's place that must be valid skin for it to be seen.
const VISIBLE: f64 = 0.8;

/// Standard errors that a dose must differ by to be another.
const DIFFERENT: f64 = 1.96;

/// How much larger a lesion must be than the ones it is made of, and how much
/// smaller the parts than the whole, for a merger or a split to be real and
/// not a saddle that noise has moved across a threshold.
const RESHAPED: f64 = 1.35;

/// One session as lesions are looked for in it.
pub struct Sight<'a> {
    /// The level of `excess`; its skin is valid and in focus.
    pub level: &'a Level,
    /// What lies above the surrounding skin; see [`excess`](crate::lesion::excess()).
    pub excess: &'a Plane,
    /// The lesions found in it, all of one kind.
    pub spots: &'a [Spot],
    /// Native pixels of the baseline to native pixels of this session.
    pub to_session: &'a (dyn Fn([f64; 2]) -> [f64; 2] + Sync),
    /// Native pixels of this session to native pixels of the baseline.
    pub to_baseline: &'a (dyn Fn([f64; 2]) -> [f64; 2] + Sync),
    /// Expected error of either, native pixels; 0 for the baseline.
    pub residual_px: f64,
}

impl Sight<'_> {
    /// Native pixels per millimetre, nominal ones without a scale.
    pub fn px_per_mm(&self) -> f64 {
        self.level.scale.px_per_mm * self.level.factor as f64
    }

    /// Native pixels of this session per native pixel of the baseline, by area.
    fn magnification(&self, at: [f64; 2]) -> f64 {
        let step = self.px_per_mm();
        let map = |dx: f64, dy: f64| (self.to_session)([at[0] + dx, at[1] + dy]);
        let across = |a: [f64; 2], b: [f64; 2]| [(b[0] - a[0]) / (2.0 * step), (b[1] - a[1]) / (2.0 * step)];
        let (x, y) = (across(map(-step, 0.0), map(step, 0.0)), across(map(0.0, -step), map(0.0, step)));
        (x[0] * y[1] - x[1] * y[0]).abs()
    }
}

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

/// What was measured at a lesion's place. Lengths are native pixels of the
/// session's photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Integrated excess density, density × px².
    pub dose: f64,
    /// Its standard error.
    pub dose_standard_error: f64,
    /// Excess density of the core; `None` where nothing stands out.
    pub contrast: Option<f64>,
    /// Soft area, px²; `None` where nothing stands out.
    pub area_px: Option<f64>,
    /// Its centre.
    pub centre: [f64; 2],
    /// Area of this photo's pixels that shows one pixel of the baseline, px²:
    /// divide doses and areas by it to compare them with the baseline's.
    pub magnification: f64,
}

/// Follows the lesions of one kind. The first session is the baseline; a
/// session that could not be aligned is `None`. `thresholds` are those the
/// lesions were found with.
pub fn track(kind: LesionKind, sights: &[Option<Sight>], thresholds: Thresholds) -> Vec<Track> {
    let known = identify(sights);
    let Some(Some(baseline)) = sights.first() else { return Vec::new() };
    let seen: Vec<Vec<Option<Seen>>> = sights
        .iter()
        .enumerate()
        .map(|(session, sight)| look(baseline, sight.as_ref(), &known, session))
        .collect();
    let follow = |(index, lesion): (usize, &Known)| {
        let seen: Vec<Option<Seen>> = seen.iter().map(|session| session[index]).collect();
        let statuses = statuses(lesion, &seen, thresholds);
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

/// Every known lesion measured in one session.
fn look(baseline: &Sight, sight: Option<&Sight>, known: &[Known], session: usize) -> Vec<Option<Seen>> {
    let Some(sight) = sight else { return vec![None; known.len()] };
    let smooth = smoothed(sight.excess, sight.level);
    let owner = places_in(baseline, sight, known, session);
    let places = Places::new(&owner, known.len(), &sight.level.skin, sight.level.scale);
    let noise = Noise::new(sight.excess, places.plain(), places.apart());
    let cell = (sight.level.factor * sight.level.factor) as f64;
    let measure = |(index, lesion): (usize, &Known)| {
        let visible = visible_fraction(baseline, sight, lesion) >= VISIBLE;
        let place = visible.then(|| places.place(index))?;
        let light = Light::measure(sight.excess, &smooth, place, &places.ring(index), &noise)?;
        Some(Seen {
            dose: light.dose * cell,
            dose_standard_error: light.dose_standard_error * cell,
            contrast: light.contrast,
            area_px: light.area().map(|area| area * cell),
            centre: light.centre.map(|at| cell_centre(at, sight.level.factor)),
            magnification: sight.magnification(lesion.centre),
        })
    };
    known.iter().enumerate().map(measure).collect()
}

/// The lesions' places in a session: their baseline footprints carried
/// there, together with what was found of them there, grown by the rim that
/// blur reaches and by the residual of the alignment.
fn places_in(baseline: &Sight, sight: &Sight, known: &[Known], session: usize) -> Owner {
    let mut owner = carry(baseline, sight, known);
    for (label, lesion) in (1..).zip(known) {
        let pixels = lesion.spots[session].iter().flat_map(|&spot| &sight.spots[spot].pixels);
        for &(x, y) in pixels {
            let cell = &mut owner[[y as usize, x as usize]];
            *cell = if *cell == 0 { label } else { *cell };
        }
    }
    let residual = (sight.residual_px / sight.level.factor as f64).ceil() as usize;
    grow(&mut owner, rim(sight.level) + residual);
    owner
}

/// The share of a lesion's baseline cells that this session shows as skin.
fn visible_fraction(baseline: &Sight, sight: &Sight, lesion: &Known) -> f64 {
    let shown = |&&(x, y): &&(u32, u32)| {
        let at = (sight.to_session)(centre_of(baseline, x, y));
        cell_at(sight.excess.dim(), sight.level.factor, at).is_some_and(|cell| sight.level.skin[cell])
    };
    lesion.cells.iter().filter(shown).count() as f64 / lesion.cells.len().max(1) as f64
}

/// What became of a lesion, session by session; `None` before it appeared.
fn statuses(lesion: &Known, seen: &[Option<Seen>], thresholds: Thresholds) -> Vec<Option<LesionStatus>> {
    let there = |session: usize, seen: &Seen| {
        let rises = seen.contrast.is_some_and(|contrast| contrast >= thresholds.low.into());
        !lesion.spots[session].is_empty() || rises && seen.dose > DIFFERENT * seen.dose_standard_error
    };
    let first = seen[lesion.first];
    let before = |seen: &Seen| first.is_some_and(|first| grew(seen, &first));
    let appeared = seen[..lesion.first]
        .iter()
        .enumerate()
        .any(|(s, seen)| seen.is_some_and(|seen| !there(s, &seen) && before(&seen)));
    let status = |(session, seen): (usize, &Option<Seen>)| match seen {
        None => Some(NotVisible),
        Some(_) if session < lesion.first && appeared => None,
        Some(_) if session == lesion.first && appeared => Some(New),
        // What was never clearly absent has been there all along, if faintly.
        Some(_) if session < lesion.first => Some(Present),
        Some(seen) if there(session, seen) => Some(Present),
        Some(_) => Some(Resolved),
    };
    seen.iter().enumerate().map(status).collect()
}

/// Whether the dose is detectably more in `later` than in `earlier`.
fn grew(earlier: &Seen, later: &Seen) -> bool {
    let of = |seen: &Seen| (seen.dose / seen.magnification, seen.dose_standard_error / seen.magnification);
    let ((before, error), (after, other)) = (of(earlier), of(later));
    after - before > DIFFERENT * error.hypot(other)
}

/// Whether a lesion that is there has grown into one with another or has
/// come apart.
fn reshaping(sight: &Sight, known: &[Known], index: usize, session: usize) -> Option<LesionStatus> {
    let lesion = &known[index];
    let area = |spot: usize| sight.spots[spot].pixels.len() as f64 * (sight.level.factor as f64).powi(2);
    let before =
        |lesion: &Known| lesion.cells.len() as f64 * sight.magnification(lesion.centre) * lesion.cell_px2;
    match lesion.spots[session][..] {
        [spot] => {
            let members: Vec<&Known> =
                known.iter().filter(|other| other.spots[session].contains(&spot)).collect();
            let grown = area(spot) > RESHAPED * members.iter().map(|member| before(member)).sum::<f64>();
            (members.len() > 1 && grown).then_some(Merged)
        }
        [] => None,
        ref parts => {
            let left: f64 = parts.iter().map(|&spot| area(spot)).sum();
            (left * RESHAPED < before(lesion)).then_some(Split)
        }
    }
}
