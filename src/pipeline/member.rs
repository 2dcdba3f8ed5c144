//! A photo of a series: read, hung on the baseline, and measured.

use crate::alignment::{Features, Transform};
use crate::canvas::{self, Canvas};
use crate::error::Warning;
use crate::metrics::Measured;
use crate::pipeline::frame::Frame;
use crate::pipeline::link::{Link, link, link_through};
use crate::pipeline::looking::Frozen;
use crate::pipeline::measuring::{Lesions, Shown};
use crate::pipeline::misplacement;
use crate::pipeline::pictures::Easel;
use crate::pipeline::records;
use crate::quality::{self, Quality};
use crate::region::Region;
use crate::report::pictures::SessionPictures;
use crate::session::RegionRecord;
use crate::settings::Settings;
use crate::statistics::Repeatability;

/// Least error of a photo's place, in cells of its coarse level, for which its
/// regions are measured again where they may lie as well: less moves so few
/// cells across a border that the tiles' error holds it.
const LEAST_DISPLACEMENT: f64 = 0.25;

/// A photo that was read.
pub(super) struct Member {
    /// Index of its session.
    pub(super) session: usize,
    /// Index of the photo in its session.
    pub(super) photo: usize,
    pub(super) frame: Frame,
    pub(super) features: Features,
    pub(super) quality: Quality,
    /// How it hangs on the baseline, or why it does not.
    pub(super) link: Result<Link, Warning>,
    pub(super) values: Option<Values>,
}

/// What was measured on a photo.
pub(super) struct Values {
    pub(super) regions: Vec<(Region, Vec<Measured>)>,
    /// Expected error of every region's place, native pixels.
    pub(super) residuals_px: Vec<Option<f64>>,
    pub(super) lesions: Lesions,
    pub(super) ita_deg: f64,
    /// What was found that speaks against a treatment.
    pub(super) warnings: Vec<Warning>,
    /// What a page shows of it, where one is wanted.
    pub(super) drawn: Option<SessionPictures>,
}

/// A photo that was measured, as lesions are followed through it.
pub(super) type Followed<'a> = (&'a Member, &'a Link, &'a Values);

/// The members of one session that were measured, in the order of their shots.
pub(super) fn measured<'a>(
    all: &'a [&'a Member],
    session: usize,
) -> impl Iterator<Item = (&'a Member, &'a Link, &'a Values)> {
    all.iter().filter(move |member| member.session == session).filter_map(|member| member.followed())
}

impl Member {
    pub(super) fn of(session: usize, photo: usize, frame: Frame) -> Self {
        let (quality, features) = rayon::join(
            || quality::assess(frame.photo.photo(), &frame.skin, frame.scale),
            || frame.features(),
        );
        let link = Ok(Link::baseline());
        Self { session, photo, frame, features, quality, link, values: None }
    }

    pub(super) fn hang_on(&mut self, baseline: &Member, settings: &Settings) {
        if !self.quality.usable {
            self.link = Err(Warning::new("photo_unusable", "the photo cannot be used; see its warnings"));
            return;
        }
        self.link = link(baseline.seen(), (&mut self.frame, &self.features, &self.quality), settings)
            .map_err(|reason| Warning::new(reason.code(), reason.to_string()));
    }

    /// Hangs it on the baseline through a member in between, if that holds.
    pub(super) fn hang_through(&mut self, baseline: &Member, between: &Member, settings: &Settings) {
        let Ok(way) = &between.link else { return };
        let moving = (&mut self.frame, &self.features, &self.quality);
        let way = (&between.features, &way.transform);
        if let Some(link) = link_through(baseline.seen(), moving, way, settings) {
            self.link = Ok(link);
        }
    }

    pub(super) fn seen(&self) -> (&Frame, &Features, &Quality) {
        (&self.frame, &self.features, &self.quality)
    }

    /// Its transform and its valid skin, if it lies on the baseline.
    pub(super) fn placed(&self) -> Option<(&Transform, canvas::Skin<'_>)> {
        self.link.as_ref().ok().map(|link| (&link.transform, self.frame.valid()))
    }

    /// The values of all skin; `None` if it was not measured.
    pub(super) fn all_skin(&self) -> Option<Vec<Measured>> {
        self.values.as_ref()?.regions.first().map(|(_, measured)| measured.clone())
    }

    /// Measures every region on what the photo shows, and draws it on the easel.
    pub(super) fn keep(&mut self, shown: Shown, frozen: &Frozen, canvas: &Canvas, easel: Option<&Easel>) {
        let (Ok(link), skin) = (&self.link, self.frame.valid()) else { return };
        let shown = shown.without_spots(&frozen.spots_in(&link.transform, skin));
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

    pub(super) fn followed(&self) -> Option<Followed<'_>> {
        Some((self, self.link.as_ref().ok()?, self.values.as_ref()?))
    }

    /// What calibration, comparison and the findings warn of.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let calibration = self.frame.photo.calibration().warning.iter();
        let comparison = self.link.iter().flat_map(|link| &link.comparability.warnings);
        let findings = self.values.iter().flat_map(|values| &values.warnings);
        calibration.chain(comparison).chain(findings).cloned().collect()
    }
}

impl Values {
    pub(super) fn by_region(&self) -> Vec<(String, Vec<Measured>)> {
        self.regions.iter().map(|(region, measured)| (region.name.clone(), measured.clone())).collect()
    }

    pub(super) fn records(&self, member: &Member, repeatability: &Repeatability) -> Vec<RegionRecord> {
        let ita_deg = self.ita_deg;
        let record = |((region, measured), residual_px): (&(Region, Vec<Measured>), &Option<f64>)| {
            records::region(region, member.frame.scale, *residual_px, measured, repeatability, ita_deg)
        };
        self.regions.iter().zip(&self.residuals_px).map(record).collect()
    }
}
