//! The lesions of a series, followed from photo to photo.

use rayon::prelude::*;

use crate::alignment::Transform;
use crate::canvas::Lattice;
use crate::lesion::{self, LesionKind, Sight, Track};
use crate::pipeline::link::Link;
use crate::pipeline::member::{Followed, Member, Values, measured};
use crate::raster;
use crate::series::{self, Lesion};
use crate::session::SessionMetrics;
use crate::statistics::Repeatability;

/// The kinds of lesion, in the report's order.
const KINDS: [LesionKind; 3] = [LesionKind::Pigmented, LesionKind::Vascular, LesionKind::Scar];

/// The lesions of every kind, followed through the sessions in `order`, of
/// which the first is the baseline's; `copies` are the baseline's.
pub(super) fn lesions(
    all: &[&Member],
    copies: &[Member],
    order: &[usize],
    metrics: &[SessionMetrics],
    repeatability: &Repeatability,
) -> Vec<Lesion> {
    let seen: Vec<_> = order.iter().map(|session| measured(all, *session).next()).collect();
    let again: Vec<Option<Followed>> =
        seen.iter().take(1).copied().chain(copies.iter().map(Member::followed)).collect();
    let (tracks, scatter) = rayon::join(
        || follow(&seen),
        // Without copies there is nothing that doses could stray between.
        || if copies.is_empty() { Vec::new() } else { follow(&again) },
    );
    let scatter: Vec<Option<f64>> = scatter.iter().map(|tracks| lesion::scatter(tracks)).collect();
    let tracks = tracks.concat();
    let capture = |kind: LesionKind| {
        let place = KINDS.iter().position(|&other| other == kind);
        series::capture(kind, repeatability, place.and_then(|place| *scatter.get(place)?))
    };
    let scale = seen.first().copied().flatten().map(|(member, _, _)| member.frame.scale);
    let px_per_mm = scale.filter(|scale| scale.physical).map(|scale| scale.px_per_mm);
    series::lesions(&tracks, metrics, px_per_mm, &capture)
}

/// The lesions of each kind followed from the first photo through the others.
fn follow(seen: &[Option<Followed>]) -> Vec<Vec<Track>> {
    let baseline = seen.first().copied().flatten();
    let ways: Vec<_> =
        seen.iter().map(|seen| Some(Ways::between(baseline?.0, (*seen)?.0, &(*seen)?.1.transform))).collect();
    let tracks = |kind: &LesionKind| {
        let sights: Vec<Option<Sight>> =
            seen.iter().zip(&ways).map(|(seen, ways)| sight(*kind, (*seen)?, ways.as_ref()?)).collect();
        lesion::track(*kind, &sights)
    };
    KINDS.par_iter().map(tracks).collect()
}

/// The way from the baseline's native pixels to a session's, and back.
struct Ways<'a> {
    there: Box<dyn Fn([f64; 2]) -> [f64; 2] + Sync + 'a>,
    back: Box<dyn Fn([f64; 2]) -> [f64; 2] + Sync + 'a>,
}

impl<'a> Ways<'a> {
    fn between(baseline: &Member, member: &Member, transform: &'a Transform) -> Self {
        let size = |member: &Member| raster::size(&member.frame.mask);
        let there = Lattice::new(|at| Some(transform.map(at)), size(baseline), baseline.frame.levels.coarse);
        let back = Lattice::new(|at| transform.map_back(at), size(member), member.frame.levels.coarse);
        Self {
            there: Box::new(move |at| there.near(at).unwrap_or_else(|| transform.map(at))),
            back: Box::new(move |at| {
                // A place that is nowhere in the baseline lies in no pixel of it.
                back.near(at).or_else(|| transform.map_back(at)).unwrap_or([f64::NAN; 2])
            }),
        }
    }
}

/// What a session shows of one kind of lesion; `None` where its light shows none.
fn sight<'a>(
    kind: LesionKind,
    (_, link, values): (&Member, &'a Link, &'a Values),
    ways: &'a Ways,
) -> Option<Sight<'a>> {
    let (spots, excess) = values.lesions.of(kind)?;
    Some(Sight {
        level: &values.lesions.level,
        excess,
        spots,
        to_session: &*ways.there,
        to_baseline: &*ways.back,
        residual_px: link.residual_px,
        level_error: values.lesions.level_error(kind),
        leak: values.lesions.leak(kind),
    })
}
