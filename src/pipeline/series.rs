//! One series: from its photos to its view in the report.

use rayon::iter::Either;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::canvas::{self, Canvas};
use crate::error::Warning;
use crate::metrics::Aspect;
use crate::pipeline::frame::Frame;
use crate::pipeline::looking::{Ground, Seen, colours, green};
use crate::pipeline::measuring::Shown;
use crate::pipeline::member::Member;
use crate::pipeline::outcomes::{SeriesOutcome, outcome, rank, refused, unreadable};
use crate::pipeline::perturbation;
use crate::pipeline::pictures::{Easel, as_taken};
use crate::pipeline::single::outlines;
use crate::pipeline::view::view;
use crate::raster;
use crate::region::Outline;
use crate::report::pictures::{Pictures, SessionPictures};
use crate::report::run::PhotoOutcome;
use crate::series::View;
use crate::settings::Settings;
use crate::source::SeriesSource;

/// Least share of the skin shared so far that a session must leave for it to
/// take part: one odd frame must not take the others' skin away.
const LEAST_SHARED: f64 = 0.25;

/// What became of one series, with the pictures that its page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PicturedSeries {
    /// What became of it.
    pub outcome: SeriesOutcome,
    /// The pictures of its view; `None` where there is no view, or where they
    /// could not be encoded.
    pub pictures: Option<Pictures>,
}

/// Measures every photo of a series and compares each with the baseline.
/// `step` is called after each photo.
pub fn analyze_series(source: &SeriesSource, settings: &Settings, step: &(dyn Fn() + Sync)) -> SeriesOutcome {
    analyze(source, settings, false, step).outcome
}

/// The same, and what a page shows of the series.
pub fn picture_series(
    source: &SeriesSource,
    settings: &Settings,
    step: &(dyn Fn() + Sync),
) -> PicturedSeries {
    analyze(source, settings, true, step)
}

fn analyze(
    source: &SeriesSource,
    settings: &Settings,
    pictured: bool,
    step: &(dyn Fn() + Sync),
) -> PicturedSeries {
    let (mut members, mut photos) = read(source, settings, step);
    let Some(first) = baseline_of(&members, source.baseline) else {
        photos.extend(members.iter().map(|member| outcome(source, member)));
        photos.sort_by_key(|photo| rank(source, photo));
        return PicturedSeries { outcome: SeriesOutcome { view: None, photos }, pictures: None };
    };
    let mut baseline = members.remove(first);
    let outlines = match outlines(&baseline.frame, source.roi.as_deref()) {
        Ok(outlines) => outlines,
        Err(error) => {
            members.push(baseline);
            let outcome = refused(source, members, photos, &error.without_folders());
            return PicturedSeries { outcome, pictures: None };
        }
    };
    baseline.frame.drawn(&outlines);
    let ground = |baseline: &Member| Ground::of(colours(&baseline.frame, None));
    // What is drawn counts as skin once all photos hang on the baseline.
    let (early, ()) = rayon::join(
        || outlines.is_empty().then(|| ground(&baseline)),
        || {
            members.par_iter_mut().for_each(|member| member.hang_on(&baseline, settings));
            bridge(&baseline, &mut members, settings);
        },
    );
    let factor = baseline.frame.levels.coarse;
    baseline.frame.claim(&outlines, factor, Some);
    for member in &mut members {
        if let Ok(link) = &member.link {
            member.frame.claim(&outlines, factor, |at| link.transform.map_back(at));
        }
    }
    let canvas = shared_skin(&baseline, &mut members, &outlines);
    let mut copies = copies(&baseline, source, settings);
    for copy in &mut copies {
        if let Ok(link) = &copy.link {
            copy.frame.claim(&outlines, factor, |at| link.transform.map_back(at));
        }
    }
    let ground = early.unwrap_or_else(|| ground(&baseline));
    let easel = measure((&mut baseline, ground), &mut members, &mut copies, &canvas, pictured, step);
    let view = view(source, &baseline, &members, &copies, settings);
    let pictures = easel.and_then(|easel| pictures(&easel, &canvas, &mut baseline, &mut members, &view));
    photos.extend(std::iter::once(&baseline).chain(&members).map(|member| outcome(source, member)));
    photos.sort_by_key(|photo| rank(source, photo));
    PicturedSeries { outcome: SeriesOutcome { view: Some(view), photos }, pictures }
}

/// Reads all photos; those that cannot be read come back as outcomes.
fn read(
    source: &SeriesSource,
    settings: &Settings,
    step: &(dyn Fn() + Sync),
) -> (Vec<Member>, Vec<PhotoOutcome>) {
    let places: Vec<(usize, usize)> = (0..source.sessions.len())
        .flat_map(|session| (0..source.sessions[session].photos.len()).map(move |photo| (session, photo)))
        .collect();
    places.into_par_iter().partition_map(|(session, photo)| {
        let file = &source.sessions[session].photos[photo];
        match Frame::open_with_card(&file.path, source.scale, settings, file.card) {
            Ok(frame) => Either::Left(Member::of(session, photo, frame)),
            Err(error) => {
                step();
                Either::Right(unreadable(source, session, file, &error.without_folders()))
            }
        }
    })
}

/// The photo that the others are compared with: the first usable one of the
/// session named, or else of the earliest session that has one.
fn baseline_of(members: &[Member], session: usize) -> Option<usize> {
    let usable = |member: &&Member| member.quality.usable;
    let index = |wanted: &dyn Fn(&Member) -> bool| members.iter().position(|m| usable(&m) && wanted(m));
    index(&|member| member.session == session).or_else(|| index(&|_| true))
}

/// Hangs members that could not be matched with the baseline on it through
/// the last one before them that lies on it.
fn bridge(baseline: &Member, members: &mut [Member], settings: &Settings) {
    for index in 1..members.len() {
        let (before, after) = members.split_at_mut(index);
        let member = &mut after[0];
        let between = before.iter().rev().find(|other| other.link.is_ok());
        if let (true, Err(_), Some(between)) = (member.quality.usable, &member.link, between) {
            member.hang_through(baseline, between, settings);
        }
    }
}

/// The skin shared by the baseline and every member that leaves enough of it;
/// a member that does not is taken out of the comparison.
fn shared_skin(baseline: &Member, members: &mut [Member], outlines: &[Outline]) -> Canvas {
    let mut shared = baseline.frame.mask.clone();
    let alone = members.iter().filter(|member| member.link.is_ok()).count() == 1;
    for member in members.iter_mut() {
        let Some((transform, skin)) = member.placed() else { continue };
        let seen = canvas::seen(&shared, baseline.frame.levels.coarse, transform, skin);
        if alone || raster::count(&seen) as f64 >= LEAST_SHARED * raster::count(&shared) as f64 {
            shared = seen;
        } else {
            member.link = Err(Warning::new(
                "little_shared_skin",
                "this photo shows too little of the skin that the other photos share; frame it as in the baseline",
            ));
        }
    }
    let others: Vec<_> = members.iter().filter_map(Member::placed).collect();
    Canvas::new(baseline.frame.valid(), baseline.frame.scale, &others, outlines)
}

/// Measures the baseline, then all members that lie on it, under what the
/// baseline fixed and blurred to equal the coarsest of them. Where `pictured`,
/// also draws what each shows, on the easel that comes back.
fn measure(
    (baseline, ground): (&mut Member, Ground),
    members: &mut [Member],
    copies: &mut [Member],
    canvas: &Canvas,
    pictured: bool,
    step: &(dyn Fn() + Sync),
) -> Option<Easel> {
    let coarsest = members.iter().filter_map(blur_variance).fold(0.0, f64::max);
    let blur_mm = |member: &Member| (coarsest - blur_variance(member).unwrap_or(coarsest)).max(0.0).sqrt();
    let blur = coarsest.sqrt();
    let (seen, frozen) = Seen::of_baseline(ground, green(&baseline.frame, blur), blur);
    let easel = pictured.then(|| Easel::of(&baseline.frame, &seen));
    let measure = |member: &mut Member, easel: Option<&Easel>| {
        let (maps, green) = rayon::join(
            || colours(&member.frame, Some(frozen.unmixing())),
            || green(&member.frame, blur_mm(member)),
        );
        member.keep(Shown::among(Seen::under(maps, green, &frozen), &frozen), &frozen, canvas, easel);
    };
    rayon::join(
        || {
            baseline.keep(Shown::among(seen, &frozen), &frozen, canvas, easel.as_ref());
            step();
        },
        || {
            members.par_iter_mut().for_each(|member| {
                if member.link.is_ok() {
                    measure(member, easel.as_ref());
                }
                step();
            });
            copies.par_iter_mut().filter(|copy| copy.link.is_ok()).for_each(|copy| measure(copy, None));
        },
    );
    easel
}

/// Copies of the baseline perturbed by computer, hung on it like any other
/// photo: what they show differs from the baseline by the camera alone.
fn copies(baseline: &Member, source: &SeriesSource, settings: &Settings) -> Vec<Member> {
    let copy = |draw: u64| {
        let photo = perturbation::copy_of(baseline.frame.photo.photo(), settings.seed, draw)?;
        let mut member = Member::of(baseline.session, baseline.photo, Frame::of(photo, source.scale));
        member.hang_on(baseline, settings);
        Some(member)
    };
    let (width, height) = baseline.frame.size();
    if (width * height) as f64 > 1e6 * settings.error.perturbed_megapixels {
        return Vec::new();
    }
    (0..u64::from(settings.error.perturbed_copies)).into_par_iter().filter_map(copy).collect()
}

/// Variance of a member's blur relative to the baseline's, mm²; `None` where
/// its relief is not compared.
fn blur_variance(member: &Member) -> Option<f64> {
    let link = member.link.as_ref().ok().filter(|link| link.blocked(Aspect::Relief).is_none())?;
    link.blur.map(|blur| blur.sigma_mm * blur.sigma_mm.abs())
}

/// The pictures of every session that has a photo; `None` if one could not be encoded.
fn pictures(
    easel: &Easel,
    canvas: &Canvas,
    baseline: &mut Member,
    members: &mut [Member],
    view: &View,
) -> Option<Pictures> {
    let mut all: Vec<&mut Member> = std::iter::once(baseline).chain(members).collect();
    all.sort_by_key(|member| (member.session, member.photo));
    let chosen = easel.chosen(&view.lesions);
    let mut sessions: Vec<(usize, &mut Member)> = Vec::new();
    for member in all {
        match sessions.last_mut() {
            // A repeat counts only where no photo before it was measured.
            Some((session, kept)) if *session == member.session => {
                if kept.values.is_none() && member.values.is_some() {
                    *kept = member;
                }
            }
            _ => sessions.push((member.session, member)),
        }
    }
    let drawn: Option<Vec<SessionPictures>> = sessions
        .into_par_iter()
        .zip(&view.sessions)
        .map(|((_, member), session)| {
            let drawn = member.values.as_mut().and_then(|values| values.drawn.take());
            let mut drawn = drawn.map_or_else(|| as_taken(&member.frame).ok(), Some)?;
            drawn.session.clone_from(&session.session);
            if let (Ok(link), true, false) = (&member.link, drawn.laid, chosen.is_empty()) {
                drawn.crops = Some(easel.crops(&member.frame, &link.transform, &chosen).ok()?);
            }
            Some(drawn)
        })
        .collect();
    Some(Pictures {
        width: easel.width,
        height: easel.height,
        factor: easel.factor,
        regions: easel.regions(canvas),
        lesions: chosen.iter().map(|lesion| lesion.id.clone()).collect(),
        sessions: drawn?,
    })
}
