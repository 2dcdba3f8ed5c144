//! One series: from its photos to its view in the report.

use rayon::iter::Either;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::alignment::{Features, Transform};
use crate::canvas::{self, Canvas, Lattice};
use crate::error::Warning;
use crate::lesion::{self, LesionKind, Sight, Track};
use crate::metrics::{Aspect, Measured};
use crate::pipeline::frame::Frame;
use crate::pipeline::link::{Link, link, link_through};
use crate::pipeline::looking::{Frozen, Ground, Seen, colours, green};
use crate::pipeline::measuring::{Lesions, Shown};
use crate::pipeline::pictures::{Easel, as_taken};
use crate::pipeline::records;
use crate::pipeline::single::outlines;
use crate::pipeline::{misplacement, perturbation};
use crate::quality::{self, Quality};
use crate::raster;
use crate::region::{Outline, Region};
use crate::report::pictures::{Pictures, SessionPictures};
use crate::report::run::{PhotoOutcome, PhotoStatus};
use crate::series::{self, Lesion, Scales, View};
use crate::session::{AlignmentStatus, RegionRecord, Session, SessionMetrics};
use crate::settings::Settings;
use crate::source::{PhotoSource, SeriesSource, SessionSource};
use crate::statistics::Repeatability;

/// Least share of the skin shared so far that a session must leave for it to
/// take part: one odd frame must not take the others' skin away.
const LEAST_SHARED: f64 = 0.25;

/// Least error of a photo's place, in cells of its coarse level, for which its
/// regions are measured again where they may lie as well: less moves so few
/// cells across a border that the tiles' error holds it.
const LEAST_DISPLACEMENT: f64 = 0.25;

/// What became of one series, with the pictures that its page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PicturedSeries {
    /// What became of it.
    pub outcome: SeriesOutcome,
    /// The pictures of its view; `None` where there is no view, or where they
    /// could not be encoded.
    pub pictures: Option<Pictures>,
}

/// What became of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesOutcome {
    /// What was measured; `None` if no photo could be.
    pub view: Option<View>,
    /// What became of each photo, by session and shot.
    pub photos: Vec<PhotoOutcome>,
}

/// A photo that was read.
struct Member {
    /// Index of its session.
    session: usize,
    /// Index of the photo in its session.
    photo: usize,
    frame: Frame,
    features: Features,
    quality: Quality,
    /// How it hangs on the baseline, or why it does not.
    link: Result<Link, Warning>,
    values: Option<Values>,
}

/// What was measured on a photo.
struct Values {
    regions: Vec<(Region, Vec<Measured>)>,
    /// Expected error of every region's place, native pixels.
    residuals_px: Vec<Option<f64>>,
    lesions: Lesions,
    ita_deg: f64,
    /// What was found that speaks against a treatment.
    warnings: Vec<Warning>,
    /// What a page shows of it, where one is wanted.
    drawn: Option<SessionPictures>,
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

impl Member {
    fn of(session: usize, photo: usize, frame: Frame) -> Self {
        let (quality, features) = rayon::join(
            || quality::assess(frame.photo.photo(), &frame.skin, frame.scale),
            || frame.features(),
        );
        let link = Ok(Link::baseline());
        Self { session, photo, frame, features, quality, link, values: None }
    }

    fn hang_on(&mut self, baseline: &Member, settings: &Settings) {
        if !self.quality.usable {
            self.link = Err(Warning::new("photo_unusable", "the photo cannot be used; see its warnings"));
            return;
        }
        self.link = link(baseline.seen(), (&mut self.frame, &self.features, &self.quality), settings)
            .map_err(|reason| Warning::new(reason.code(), reason.to_string()));
    }

    /// Hangs it on the baseline through a member in between, if that holds.
    fn hang_through(&mut self, baseline: &Member, between: &Member, settings: &Settings) {
        let Ok(way) = &between.link else { return };
        let moving = (&mut self.frame, &self.features, &self.quality);
        let way = (&between.features, &way.transform);
        if let Some(link) = link_through(baseline.seen(), moving, way, settings) {
            self.link = Ok(link);
        }
    }

    fn seen(&self) -> (&Frame, &Features, &Quality) {
        (&self.frame, &self.features, &self.quality)
    }

    /// Its transform and its valid skin, if it lies on the baseline.
    fn placed(&self) -> Option<(&Transform, canvas::Skin<'_>)> {
        self.link.as_ref().ok().map(|link| (&link.transform, self.frame.valid()))
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

impl Member {
    /// The values of all skin; `None` if it was not measured.
    fn all_skin(&self) -> Option<Vec<Measured>> {
        self.values.as_ref()?.regions.first().map(|(_, measured)| measured.clone())
    }

    /// Measures every region on what the photo shows, and draws it on the easel.
    fn keep(&mut self, shown: Shown, frozen: &Frozen, canvas: &Canvas, easel: Option<&Easel>) {
        let (Ok(link), skin) = (&self.link, self.frame.valid()) else { return };
        let measured = |transform: &Transform| {
            let spots = frozen.spots_in(transform, skin);
            let measured = |region: Region| {
                let values = shown.measure(&region, &spots);
                (region, values)
            };
            canvas.regions_in(transform, skin).into_iter().map(measured).collect()
        };
        let mut regions: Vec<(Region, Vec<Measured>)> = measured(&link.transform);
        let residuals_px: Vec<_> = canvas.places().iter().map(|places| link.residual_over(places)).collect();
        let whole = residuals_px.first().copied().flatten().unwrap_or(0.0);
        if whole >= LEAST_DISPLACEMENT * skin.factor as f64 {
            let ways: [Vec<(Region, Vec<Measured>)>; 2] =
                [[whole, 0.0], [0.0, whole]].map(|by| measured(&link.transform.displaced_by(by)));
            for (k, (_, values)) in regions.iter_mut().enumerate() {
                let share = residuals_px[k].unwrap_or(whole) / whole;
                misplacement::widen(values, ways.each_ref().map(|way| way[k].1.as_slice()), share);
            }
        }
        let (ita_deg, warnings) = (shown.ita_deg(), shown.warnings());
        let drawn = easel.and_then(|easel| easel.draw(&self.frame, &link.transform, &shown).ok());
        let lesions = shown.into_lesions();
        self.values = Some(Values { regions, residuals_px, ita_deg, warnings, lesions, drawn });
    }
}

/// What the report says of the series.
fn view(
    source: &SeriesSource,
    baseline: &Member,
    members: &[Member],
    copies: &[Member],
    settings: &Settings,
) -> View {
    let all: Vec<&Member> = std::iter::once(baseline).chain(members).collect();
    let read = |session: &usize| all.iter().any(|member| member.session == *session);
    let order: Vec<usize> = in_time(baseline.session, source.sessions.len()).filter(read).collect();
    let metrics: Vec<SessionMetrics> =
        order.iter().filter_map(|session| session_metrics(source, &all, *session)).collect();
    let perturbed: Vec<Vec<Measured>> = copies.iter().filter_map(Member::all_skin).collect();
    let repeatability = series::repeatability(&settings.repeatability, &metrics, &perturbed);
    View {
        view: source.view.clone(),
        baseline: source.sessions[baseline.session].session.clone(),
        scale: records::scale(baseline.frame.photo.scale()),
        schedule: source.schedule(),
        sessions: (0..source.sessions.len())
            .filter_map(|session| session_record(source, baseline, &all, session, &repeatability))
            .collect(),
        changes: series::changes(&metrics, &repeatability),
        controlled: Vec::new(),
        trends: series::trends(&metrics),
        recoveries: Vec::new(),
        lesions: lesions(&all, copies, &order, &metrics, &repeatability),
        scales: Scales::default(),
    }
    .concluded()
}

/// The sessions with the baseline's first and the others in order of time.
fn in_time(first: usize, count: usize) -> impl Iterator<Item = usize> {
    std::iter::once(first).chain((0..count).filter(move |session| *session != first))
}

/// The members of one session that were measured, in the order of their shots.
fn measured<'a>(
    all: &'a [&'a Member],
    session: usize,
) -> impl Iterator<Item = (&'a Member, &'a Link, &'a Values)> {
    all.iter().filter(move |member| member.session == session).filter_map(|member| member.followed())
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

/// What one session brings to the comparison: the values of its first photo
/// that was measured, with its other photos as repeats; or, if none was,
/// nothing but the reason. `None` if none of its photos could be read.
fn session_metrics(source: &SeriesSource, all: &[&Member], session: usize) -> Option<SessionMetrics> {
    let mut photos = measured(all, session);
    let (blocked, relief_log_sd, contrast_log_sd, gain_log_sd, level_error, regions) = match photos.next() {
        Some((member, link, values)) => (
            [Aspect::Colour, Aspect::Relief].map(|aspect| link.blocked(aspect)),
            link.relief_log_sd(),
            link.veil_log_sd(),
            member.frame.photo.calibration().gain_log_sd,
            values.lesions.level_errors,
            values.by_region(),
        ),
        None => {
            let member = all.iter().find(|member| member.session == session)?;
            let code = member.link.as_ref().err().map(|reason| reason.code.clone());
            ([code.clone(), code], 0.0, 0.0, [0.0; 3], [0.0; 2], Vec::new())
        }
    };
    let [colour_blocked, relief_blocked] = blocked;
    Some(SessionMetrics {
        session: source.sessions[session].session.clone(),
        day: source.day(session),
        healing: source.treatment(session).is_some_and(|treatment| treatment.healing_window),
        colour_blocked,
        relief_blocked,
        gain_log_sd,
        contrast_log_sd,
        relief_log_sd,
        level_error,
        regions,
        repeats: photos.map(|(_, _, repeat)| repeat.by_region()).collect(),
    })
}

impl Values {
    fn by_region(&self) -> Vec<(String, Vec<Measured>)> {
        self.regions.iter().map(|(region, measured)| (region.name.clone(), measured.clone())).collect()
    }
}

/// The kinds of lesion, in the report's order.
const KINDS: [LesionKind; 3] = [LesionKind::Pigmented, LesionKind::Vascular, LesionKind::Scar];

/// A photo that was measured, as lesions are followed through it.
type Followed<'a> = (&'a Member, &'a Link, &'a Values);

/// The lesions of every kind, followed through the sessions in `order`, of
/// which the first is the baseline's; `copies` are the baseline's.
fn lesions(
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
            seen.iter().zip(&ways).map(|(seen, ways)| Some(sight(*kind, (*seen)?, ways.as_ref()?))).collect();
        lesion::track(*kind, &sights)
    };
    KINDS.par_iter().map(tracks).collect()
}

impl Member {
    fn followed(&self) -> Option<Followed<'_>> {
        Some((self, self.link.as_ref().ok()?, self.values.as_ref()?))
    }
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

/// What a session shows of one kind of lesion.
fn sight<'a>(
    kind: LesionKind,
    (_, link, values): (&Member, &'a Link, &'a Values),
    ways: &'a Ways,
) -> Sight<'a> {
    let (level, (spots, excess)) = (&values.lesions.level, values.lesions.of(kind));
    Sight {
        level,
        excess,
        spots,
        to_session: &*ways.there,
        to_baseline: &*ways.back,
        residual_px: link.residual_px,
        level_error: values.lesions.level_error(kind),
        leak: values.lesions.leak(kind),
    }
}

/// What the report says of one session; `None` if none of its photos could be read.
fn session_record(
    source: &SeriesSource,
    baseline: &Member,
    all: &[&Member],
    session: usize,
    repeatability: &Repeatability,
) -> Option<Session> {
    let mut photos: Vec<&Member> = all.iter().copied().filter(|member| member.session == session).collect();
    photos.sort_by_key(|member| member.photo);
    let shown = measured(all, session).next();
    let member = shown.map(|(member, _, _)| member).or(photos.first().copied())?;
    let mut regions = shown.map_or(Vec::new(), |(member, _, values)| values.records(member, repeatability));
    let shots: Vec<&Values> = measured(all, session).map(|(_, _, values)| values).collect();
    if shots.len() > 1 {
        records::list_shots(&mut regions, &shots.iter().map(|shot| &shot.regions[..]).collect::<Vec<_>>());
    }
    let told = &source.sessions[session];
    let (alignment, comparable) = match &member.link {
        Ok(link) if session == baseline.session => {
            (records::aligned(link, AlignmentStatus::Baseline), records::comparable(link))
        }
        Ok(link) => (records::aligned(link, AlignmentStatus::Aligned), records::comparable(link)),
        Err(reason) => (records::rejected(reason), records::not_comparable(reason)),
    };
    Some(Session {
        session: told.session.clone(),
        date: told.date.map(|date| date.to_string()),
        day: source.day(session),
        treatment: source.treatment(session),
        photos: photos
            .iter()
            .map(|m| records::photo(m.frame.photo.photo(), told.photos[m.photo].shot))
            .collect(),
        quality: records::quality(
            &member.quality,
            member.frame.photo.photo(),
            member.frame.scale,
            &member.warnings(),
        ),
        calibration: records::calibration(member.frame.photo.calibration(), member.frame.size()),
        alignment,
        comparable,
        regions,
    })
}

impl Values {
    fn records(&self, member: &Member, repeatability: &Repeatability) -> Vec<RegionRecord> {
        let ita_deg = self.ita_deg;
        let record = |((region, measured), residual_px): (&(Region, Vec<Measured>), &Option<f64>)| {
            records::region(region, member.frame.scale, *residual_px, measured, repeatability, ita_deg)
        };
        self.regions.iter().zip(&self.residuals_px).map(record).collect()
    }
}

impl Member {
    /// What calibration, comparison and the findings warn of.
    fn warnings(&self) -> Vec<Warning> {
        let calibration = self.frame.photo.calibration().warning.iter();
        let comparison = self.link.iter().flat_map(|link| &link.comparability.warnings);
        let findings = self.values.iter().flat_map(|values| &values.warnings);
        calibration.chain(comparison).chain(findings).cloned().collect()
    }
}

/// What became of a photo that was read.
fn outcome(source: &SeriesSource, member: &Member) -> PhotoOutcome {
    let photo = member.frame.photo.photo();
    let warnings = [photo.warnings(), &member.quality.warnings, &member.warnings()].concat();
    let (status, reason) = match &member.link {
        Err(warning) => (PhotoStatus::Rejected, Some(warning.message.clone())),
        Ok(_) if !member.quality.usable => {
            (PhotoStatus::Rejected, warnings.first().map(|w| w.message.clone()))
        }
        Ok(link) => match link.comparability.reasons.first() {
            Some(reason) => (PhotoStatus::NotComparable, Some(reason.warning.message.clone())),
            None if warnings.is_empty() => (PhotoStatus::Ok, None),
            None => (PhotoStatus::Warning, None),
        },
    };
    let session = &source.sessions[member.session];
    let blake3 = Some(photo.blake3().to_owned());
    PhotoOutcome { blake3, status, reason, warnings, ..place(source, session, &session.photos[member.photo]) }
}

/// What became of a photo that could not be read.
fn unreadable(source: &SeriesSource, session: usize, photo: &PhotoSource, reason: &str) -> PhotoOutcome {
    PhotoOutcome { reason: Some(reason.to_owned()), ..place(source, &source.sessions[session], photo) }
}

/// The outcome of a photo of which nothing is known yet.
fn place(source: &SeriesSource, session: &SessionSource, photo: &PhotoSource) -> PhotoOutcome {
    PhotoOutcome {
        patient: source.patient.clone(),
        session: session.session.clone(),
        baseline: source.sessions[source.baseline].session == session.session,
        view: source.view.clone(),
        shot: photo.shot,
        file: photo.file.clone(),
        blake3: None,
        status: PhotoStatus::Unreadable,
        reason: None,
        warnings: Vec::new(),
    }
}

/// Every photo of a series whose regions cannot be read, refused for that.
fn refused(
    source: &SeriesSource,
    members: Vec<Member>,
    mut unread: Vec<PhotoOutcome>,
    why: &str,
) -> SeriesOutcome {
    unread.extend(members.iter().map(|member| PhotoOutcome {
        status: PhotoStatus::Rejected,
        reason: Some(why.to_owned()),
        ..outcome(source, member)
    }));
    unread.sort_by_key(|photo| rank(source, photo));
    SeriesOutcome { view: None, photos: unread }
}

/// Where a photo stands in the series.
fn rank(source: &SeriesSource, photo: &PhotoOutcome) -> (usize, u32) {
    let session = source.sessions.iter().position(|session| session.session == photo.session);
    (session.unwrap_or(usize::MAX), photo.shot)
}
