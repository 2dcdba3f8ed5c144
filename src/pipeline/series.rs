//! One series: from its photos to its view in the report.

use rayon::iter::Either;
use rayon::prelude::*;

use crate::alignment::{Features, Transform};
use crate::canvas::{self, Canvas};
use crate::error::Warning;
use crate::lesion::{self, LesionKind, Sight, Track};
use crate::metrics::{Aspect, Measured};
use crate::pipeline::frame::Frame;
use crate::pipeline::link::{Link, link, link_through};
use crate::pipeline::measuring::{Frozen, Lesions, Shown, maps};
use crate::pipeline::misplacement;
use crate::pipeline::records;
use crate::pipeline::single::outlines;
use crate::quality::{self, Quality};
use crate::raster;
use crate::region::{Outline, Region};
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

/// Error of the logarithm of colour contrasts where light or sharpness differ
/// from the baseline's: what a flash beside light from the side does to spots
/// on phantoms (up to 20 %, contrast and evenness).
const VEIL_LOG_SD: f64 = 0.2;

/// What became of one series.
#[derive(Debug, Clone, PartialEq)]
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
    /// What was found that speaks against a treatment.
    warnings: Vec<Warning>,
}

/// Measures every photo of a series and compares each with the baseline.
/// `step` is called after each photo.
pub fn analyze_series(source: &SeriesSource, settings: &Settings, step: &(dyn Fn() + Sync)) -> SeriesOutcome {
    let (mut members, mut photos) = read(source, settings, step);
    let Some(first) = baseline_of(&members, source.baseline) else {
        photos.extend(members.iter().map(|member| outcome(source, member)));
        photos.sort_by_key(|photo| rank(source, photo));
        return SeriesOutcome { view: None, photos };
    };
    let mut baseline = members.remove(first);
    let outlines = match outlines(&baseline.frame, source.roi.as_deref()) {
        Ok(outlines) => outlines,
        Err(error) => {
            members.push(baseline);
            return refused(source, members, photos, &error.without_folders());
        }
    };
    members.par_iter_mut().for_each(|member| member.hang_on(&baseline, settings));
    bridge(&baseline, &mut members, settings);
    let canvas = shared_skin(&baseline, &mut members, &outlines);
    measure(&mut baseline, &mut members, &canvas, step);
    let view = view(source, &baseline, &members);
    photos.extend(std::iter::once(&baseline).chain(&members).map(|member| outcome(source, member)));
    photos.sort_by_key(|photo| rank(source, photo));
    SeriesOutcome { view: Some(view), photos }
}

/// Reads all photos; those that cannot be read come back as outcomes.
fn read(
    source: &SeriesSource,
    settings: &Settings,
    step: &(dyn Fn() + Sync),
) -> (Vec<Member>, Vec<PhotoOutcome>) {
    let limits = settings.decode_limits();
    let places: Vec<(usize, usize)> = (0..source.sessions.len())
        .flat_map(|session| (0..source.sessions[session].photos.len()).map(move |photo| (session, photo)))
        .collect();
    places.into_par_iter().partition_map(|(session, photo)| {
        let file = &source.sessions[session].photos[photo];
        match Frame::open(&file.path, source.scale, &limits) {
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
/// baseline fixed and blurred to equal the coarsest of them.
fn measure(baseline: &mut Member, members: &mut [Member], canvas: &Canvas, step: &(dyn Fn() + Sync)) {
    let coarsest = members.iter().filter_map(blur_variance).fold(0.0, f64::max);
    let blur_mm = |member: &Member| (coarsest - blur_variance(member).unwrap_or(coarsest)).max(0.0).sqrt();
    let blur = coarsest.sqrt();
    let (shown, frozen) = Shown::at_baseline(maps(&baseline.frame, baseline.frame.scale, blur), blur);
    baseline.keep(shown, &frozen, canvas);
    step();
    members.par_iter_mut().for_each(|member| {
        if member.link.is_ok() {
            let maps = maps(&member.frame, member.frame.scale, blur_mm(member));
            member.keep(Shown::under(maps, &frozen), &frozen, canvas);
        }
        step();
    });
}

/// Variance of a member's blur relative to the baseline's, mm²; `None` where
/// its relief is not compared.
fn blur_variance(member: &Member) -> Option<f64> {
    let link = member.link.as_ref().ok().filter(|link| link.blocked(Aspect::Relief).is_none())?;
    link.blur.map(|blur| blur.sigma_mm * blur.sigma_mm.abs())
}

impl Member {
    /// Measures every region on what the photo shows.
    fn keep(&mut self, shown: Shown, frozen: &Frozen, canvas: &Canvas) {
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
        let warnings = shown.warnings();
        self.values = Some(Values { regions, residuals_px, warnings, lesions: shown.into_lesions() });
    }
}

/// What the report says of the series.
fn view(source: &SeriesSource, baseline: &Member, members: &[Member]) -> View {
    let all: Vec<&Member> = std::iter::once(baseline).chain(members).collect();
    let read = |session: &usize| all.iter().any(|member| member.session == *session);
    let order: Vec<usize> = in_time(baseline.session, source.sessions.len()).filter(read).collect();
    let metrics: Vec<SessionMetrics> =
        order.iter().filter_map(|session| session_metrics(source, &all, *session)).collect();
    let repeatability = series::repeatability(&metrics);
    View {
        view: source.view.clone(),
        baseline: source.sessions[baseline.session].session.clone(),
        scale: records::scale(source.scale),
        schedule: source.schedule(),
        sessions: (0..source.sessions.len())
            .filter_map(|session| session_record(source, baseline, &all, session, &repeatability))
            .collect(),
        changes: series::changes(&metrics, &repeatability),
        controlled: Vec::new(),
        trends: series::trends(&metrics),
        recoveries: Vec::new(),
        lesions: lesions(&all, &order, &metrics),
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
    all.iter()
        .filter(move |member| member.session == session)
        .filter_map(|member| Some((*member, member.link.as_ref().ok()?, member.values.as_ref()?)))
}

/// What one session brings to the comparison: the values of its first photo
/// that was measured, with its other photos as repeats; or, if none was,
/// nothing but the reason. `None` if none of its photos could be read.
fn session_metrics(source: &SeriesSource, all: &[&Member], session: usize) -> Option<SessionMetrics> {
    let mut photos = measured(all, session);
    let (blocked, gain_log_sd, regions) = match photos.next() {
        Some((member, link, values)) => (
            [Aspect::Colour, Aspect::Relief].map(|aspect| link.blocked(aspect)),
            member.frame.photo.calibration().gain_log_sd,
            values.by_region(),
        ),
        None => {
            let member = all.iter().find(|member| member.session == session)?;
            let code = member.link.as_ref().err().map(|reason| reason.code.clone());
            ([code.clone(), code], [0.0; 3], Vec::new())
        }
    };
    let [colour_blocked, relief_blocked] = blocked;
    Some(SessionMetrics {
        session: source.sessions[session].session.clone(),
        day: source.day(session),
        healing: source.treatment(session).is_some_and(|treatment| treatment.healing_window),
        colour_blocked,
        relief_blocked: relief_blocked.clone(),
        gain_log_sd,
        contrast_log_sd: if relief_blocked.is_some() { VEIL_LOG_SD } else { 0.0 },
        regions,
        repeats: photos.map(|(_, _, repeat)| repeat.by_region()).collect(),
    })
}

impl Values {
    fn by_region(&self) -> Vec<(String, Vec<Measured>)> {
        self.regions.iter().map(|(region, measured)| (region.name.clone(), measured.clone())).collect()
    }
}

/// The lesions of every kind, followed through the sessions in `order`, of
/// which the first is the baseline's.
fn lesions(all: &[&Member], order: &[usize], metrics: &[SessionMetrics]) -> Vec<Lesion> {
    let seen: Vec<_> = order.iter().map(|session| measured(all, *session).next()).collect();
    let ways: Vec<_> = seen.iter().map(|seen| seen.map(|(_, link, _)| Ways::of(&link.transform))).collect();
    let tracks: Vec<Track> = [LesionKind::Pigmented, LesionKind::Vascular]
        .into_iter()
        .flat_map(|kind| {
            let sights: Vec<Option<Sight>> = seen
                .iter()
                .zip(&ways)
                .map(|(seen, ways)| Some(sight(kind, (*seen)?, ways.as_ref()?)))
                .collect();
            lesion::track(kind, &sights)
        })
        .collect();
    let scales: Vec<Option<f64>> = seen
        .iter()
        .map(|seen| seen.map(|(member, _, _)| member.frame.scale).filter(|s| s.physical).map(|s| s.px_per_mm))
        .collect();
    series::lesions(&tracks, metrics, &scales)
}

/// The way from the baseline's native pixels to a session's, and back.
struct Ways<'a> {
    there: Box<dyn Fn([f64; 2]) -> [f64; 2] + Sync + 'a>,
    back: Box<dyn Fn([f64; 2]) -> [f64; 2] + Sync + 'a>,
}

impl<'a> Ways<'a> {
    fn of(transform: &'a Transform) -> Self {
        Self {
            there: Box::new(|at| transform.map(at)),
            // A place that is nowhere in the baseline lies in no pixel of it.
            back: Box::new(|at| transform.map_back(at).unwrap_or([f64::NAN; 2])),
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
    let residual_px = link.residual_px;
    Sight { level, excess, spots, to_session: &*ways.there, to_baseline: &*ways.back, residual_px }
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
        quality: records::quality(&member.quality, member.frame.photo.photo(), &member.warnings()),
        calibration: records::calibration(member.frame.photo.calibration()),
        alignment,
        comparable,
        regions,
    })
}

impl Values {
    fn records(&self, member: &Member, repeatability: &Repeatability) -> Vec<RegionRecord> {
        let record = |((region, measured), residual_px): (&(Region, Vec<Measured>), &Option<f64>)| {
            records::region(region, member.frame.scale, *residual_px, measured, repeatability)
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
