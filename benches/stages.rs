//! How long each stage takes on photographs of 12 megapixels.
//!
//! The stages follow `pipeline`'s order, each fed with what the stages before
//! it made of a phantom's photos, which are rendered once; `pair` is all of
//! them, from two files to the view in the report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use dermalapse::alignment::{self, AlignmentOptions, Features, Transform};
use dermalapse::calibration::{CalibratedPhoto, Calibration, SkinPair, from_reference_skin};
use dermalapse::canvas::{self, Canvas};
use dermalapse::lesion::{self, LesionKind, Sight, Spot, Thresholds, Track, segmentation};
use dermalapse::metrics::maps::{COARSE_PX_PER_MM, FINE_PX_PER_MM, Level};
use dermalapse::metrics::pigmentation::{self, Pigment};
use dermalapse::metrics::pores::{self, Pore};
use dermalapse::metrics::relief::{Clutter, Relief};
use dermalapse::metrics::texture::{self, Texture};
use dermalapse::metrics::{Maps, Measured, redness};
use dermalapse::phantom::{self, PatientPlan};
use dermalapse::photo::{DecodeLimits, Photo};
use dermalapse::quality::{self, FinePattern, Quality, RelativeBlur};
use dermalapse::raster::{self, Mask, Plane, cell_centre, in_cells};
use dermalapse::region::Region;
use dermalapse::report::files::write_jpeg;
use dermalapse::series::{self, Change};
use dermalapse::session::SessionMetrics;
use dermalapse::settings::Settings;
use dermalapse::skin::Skin;
use dermalapse::units::{FilterScale, Scale, ScaleSource};
use dermalapse::{batch, pipeline};

const WIDTH: usize = 4000;
const HEIGHT: usize = 3000;
const SCALE: FilterScale = FilterScale { px_per_mm: 27.0, physical: true };

/// Where the photos are written; removed at the end.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The files of a baseline and a follow-up.
static FILES: LazyLock<[PathBuf; 2]> = LazyLock::new(|| [0, 1].map(render));

/// The two photos, ready to be compared.
static READY: LazyLock<[Ready; 2]> = LazyLock::new(|| [0, 1].map(Ready::open));

/// The way from the baseline to the follow-up.
static WAY: LazyLock<Transform> = LazyLock::new(|| {
    let found = alignment::align(&READY[0].features, &READY[1].features, &AlignmentOptions::default(), 0);
    assert_eq!(found.status, alignment::Status::Aligned, "the stages behind it need it");
    found.transform
});

/// What the two photos show.
static SHOWN: LazyLock<[Shown; 2]> = LazyLock::new(|| {
    let baseline = Shown::of(READY[0].maps(), None);
    let later = Shown::of(READY[1].maps(), Some(&baseline));
    [baseline, later]
});

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    FOLDER.set(folder.path().to_owned()).expect("set once");
    divan::main();
}

/// Renders photo number `session` of the phantom into its file.
fn render(session: usize) -> PathBuf {
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let plan = PatientPlan { width, height, px_per_mm: SCALE.px_per_mm, ..PatientPlan::default() };
    let photo = phantom::render_view(&plan, 0, session).expect("the plan has this visit");
    let name = format!("{}.jpg", plan.sessions[session].date);
    let file = FOLDER.get().expect("made before the first bench").join(name);
    write_jpeg(&file, &photo.image, plan.sessions[session].camera.jpeg_quality).expect("room for it");
    file
}

/// A photo, its skin and its keypoints.
struct Ready {
    photo: CalibratedPhoto,
    skin: Skin,
    features: Features,
}

impl Ready {
    fn open(session: usize) -> Self {
        let photo = Photo::open(&FILES[session], &DecodeLimits::default()).expect("just written");
        let skin = Skin::of(&photo, SCALE);
        let features = features(&photo, &skin);
        Self { photo: CalibratedPhoto::new(photo, Calibration::none(), None), skin, features }
    }

    fn level(&self, factor: usize) -> Level {
        let skin = self.skin.mask_at(factor, WIDTH / factor, HEIGHT / factor);
        Level { factor, scale: SCALE.reduced(factor), skin }
    }

    fn maps(&self) -> Maps {
        let fine = SCALE.reduction_to(FINE_PX_PER_MM);
        let coarse = fine * SCALE.reduced(fine).reduction_to(COARSE_PX_PER_MM);
        let green = self.photo.density(1, fine);
        let density = [0, 1, 2].map(|channel| self.photo.density(channel, coarse));
        Maps::new((WIDTH, HEIGHT), self.level(fine), green, self.level(coarse), density)
    }
}

fn features(photo: &Photo, skin: &Skin) -> Features {
    let factor = alignment::reduction_for(WIDTH, HEIGHT);
    let picture = photo.encoded_green(factor);
    let valid = skin.mask_at(factor, picture.ncols(), picture.nrows());
    Features::detect(picture, &valid, factor, WIDTH, HEIGHT)
}

fn pores_of(maps: &Maps, relief: &Relief, clutter: &Clutter) -> Vec<Pore> {
    let dots = pores::dots(relief, clutter);
    pores::among(&dots, relief, pores::blur_mm2(maps, &dots))
}

/// What a photo shows, under what the baseline fixed.
struct Shown {
    maps: Maps,
    pigment_excess: Plane,
    blood_excess: Plane,
    relief: Relief,
    clutter: Clutter,
    thresholds: Thresholds,
    texture: Texture,
    pores: Vec<Pore>,
    pigmented: Vec<Spot>,
}

impl Shown {
    fn of(maps: Maps, baseline: Option<&Shown>) -> Self {
        let level = &maps.coarse;
        let pigment_excess = lesion::excess(&maps.melanin, &level.skin, level.scale);
        let blood_excess = lesion::excess(&maps.hemoglobin, &level.skin, level.scale);
        let relief = Relief::of(&maps);
        let clutter = baseline.map_or_else(|| Clutter::of(&relief), |shown| shown.clutter);
        let thresholds = baseline.map_or_else(
            || Thresholds::from_baseline(LesionKind::Pigmented, &pigment_excess, level),
            |shown| shown.thresholds,
        );
        let (texture, pores) = (Texture::of(&relief), pores_of(&maps, &relief, &clutter));
        let pigmented =
            segmentation::find(LesionKind::Pigmented, &pigment_excess, level, &level.skin, thresholds);
        Self { maps, pigment_excess, blood_excess, relief, clutter, thresholds, texture, pores, pigmented }
    }

    fn skin(&self) -> canvas::Skin<'_> {
        canvas::Skin { mask: &self.maps.coarse.skin, factor: self.maps.coarse.factor }
    }

    fn spots(&self) -> Mask {
        segmentation::mask_of(&self.pigmented, self.maps.coarse.skin.dim())
    }

    /// The whole skin as a region of its own.
    fn region(&self) -> Region {
        let here = Transform::identity();
        Canvas::new(self.skin(), SCALE, &[], &[]).regions_in(&here, self.skin()).remove(0)
    }

    fn sight<'a>(&'a self, [to_session, to_baseline]: [Way<'a>; 2]) -> Sight<'a> {
        let (level, excess, spots) = (&self.maps.coarse, &self.pigment_excess, &self.pigmented);
        Sight {
            level,
            excess,
            spots,
            to_session,
            to_baseline,
            residual_px: 0.0,
            level_error: 0.0,
            leak: None,
        }
    }

    /// The values of every family in one region.
    fn values(&self, region: &Region) -> Vec<Measured> {
        let centres: Vec<[f64; 2]> = self.pigmented.iter().map(|spot| spot.centre).collect();
        let spots = self.spots();
        let pigment = Pigment {
            melanin: &self.maps.melanin,
            excess: &self.pigment_excess,
            spots: &spots,
            centres: &centres,
            baseline_spots: &segmentation::contrasts(&self.pigmented, spots.dim()),
        };
        let mut values = redness::measure(&self.maps, &redness::red(&self.maps, &self.blood_excess), region);
        values.extend(pigmentation::measure(&self.maps, &pigment, region));
        values.extend(texture::measure(&self.texture, region));
        values.extend(pores::measure(&self.relief, &self.pores, region));
        values
    }
}

type Way<'a> = &'a (dyn Fn([f64; 2]) -> [f64; 2] + Sync);

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod photo {
    use super::*;

    #[divan::bench]
    fn decode(bencher: divan::Bencher) {
        let file = &FILES[0];
        bencher.bench(|| Photo::open(file, &DecodeLimits::default()));
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod skin {
    use super::*;

    #[divan::bench]
    fn valid(bencher: divan::Bencher) {
        let ready = &READY[0];
        bencher.bench(|| Skin::of(ready.photo.photo(), SCALE));
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod quality_of_a_photo {
    use super::*;

    #[divan::bench]
    fn assess(bencher: divan::Bencher) {
        let ready = &READY[0];
        bencher.bench(|| -> Quality { quality::assess(ready.photo.photo(), &ready.skin, SCALE) });
    }

    /// Of the follow-up relative to the baseline.
    #[divan::bench]
    fn blur(bencher: divan::Bencher) {
        let [baseline, later] = &*READY;
        let way = alignment::align(&baseline.features, &later.features, &AlignmentOptions::default(), 0);
        let factor = SCALE.reduction_to(10.0);
        bencher.bench(|| -> Option<RelativeBlur> {
            let seen =
                [baseline, later].map(|ready| (ready.photo.density(1, factor), ready.level(factor).skin));
            let [here, there] =
                seen.each_ref().map(|(density, mask)| FinePattern { density, mask, factor, scale: SCALE });
            quality::relative_blur(&here, &there, |at| way.transform.map(at))
        });
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod align {
    use super::*;

    #[divan::bench]
    fn keypoints(bencher: divan::Bencher) {
        let ready = &READY[0];
        bencher.bench(|| features(ready.photo.photo(), &ready.skin));
    }

    #[divan::bench]
    fn pair(bencher: divan::Bencher) {
        let [baseline, later] = &*READY;
        let options = AlignmentOptions::default();
        bencher.bench(|| alignment::align(&baseline.features, &later.features, &options, 0));
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod calibrate {
    use super::*;

    /// Side of the cells whose light is compared, native pixels: 1 mm.
    const CELL: usize = 27;

    #[divan::bench]
    fn reference_skin(bencher: divan::Bencher) {
        let (pair, way) = (&*READY, &*WAY);
        bencher.bench(|| from_reference_skin(&skin_seen_twice(pair, way)));
    }

    fn skin_seen_twice([baseline, later]: &[Ready; 2], way: &Transform) -> Vec<SkinPair> {
        let [here, there] = [baseline, later].map(|ready| ready.photo.linear(CELL));
        let pair = |(y, x): (usize, usize)| {
            let [px, py] = way.map([x, y].map(|at| cell_centre(at as f64, CELL)));
            let light = |plane: &Plane| raster::sample(plane, in_cells(px, CELL), in_cells(py, CELL));
            let [red, green, blue] = there.each_ref().map(light);
            let position = [px / WIDTH as f64, py / HEIGHT as f64];
            let reference = here.each_ref().map(|plane| plane[[y, x]]);
            Some(SkinPair { reference, moving: [red?, green?, blue?], position })
        };
        ndarray::indices(here[0].dim()).into_iter().filter_map(pair).collect()
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod regions {
    use super::*;

    /// The skin that both photos share, as the follow-up shows it.
    #[divan::bench]
    fn shared_skin(bencher: divan::Bencher) {
        let ([baseline, later], way) = (&*SHOWN, &*WAY);
        bencher.bench(|| {
            Canvas::new(baseline.skin(), SCALE, &[(way, later.skin())], &[]).regions_in(way, later.skin())
        });
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod metrics {
    use super::*;

    #[divan::bench]
    fn maps(bencher: divan::Bencher) {
        let ready = &READY[0];
        bencher.bench(|| ready.maps());
    }

    #[divan::bench]
    fn relief(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        bencher.bench(|| Relief::of(&shown.maps));
    }

    #[divan::bench]
    fn clutter(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        bencher.bench(|| Clutter::of(&shown.relief));
    }

    #[divan::bench]
    fn texture(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        bencher.bench(|| Texture::of(&shown.relief));
    }

    #[divan::bench]
    fn pores(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        bencher.bench(|| pores_of(&shown.maps, &shown.relief, &shown.clutter));
    }

    /// What every family says of one region.
    #[divan::bench]
    fn values(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        let region = shown.region();
        bencher.bench(|| shown.values(&region));
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod lesions {
    use super::*;

    #[divan::bench]
    fn excess(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        let level = &shown.maps.coarse;
        bencher.bench(|| lesion::excess(&shown.maps.melanin, &level.skin, level.scale));
    }

    #[divan::bench]
    fn segmentation(bencher: divan::Bencher) {
        let shown = &SHOWN[0];
        let (level, excess) = (&shown.maps.coarse, &shown.pigment_excess);
        bencher.bench(|| {
            segmentation::find(LesionKind::Pigmented, excess, level, &level.skin, shown.thresholds)
        });
    }

    #[divan::bench]
    fn tracking(bencher: divan::Bencher) {
        let ([baseline, later], way) = (&*SHOWN, &*WAY);
        let stay = |at: [f64; 2]| at;
        let there = |at: [f64; 2]| way.map(at);
        let back = |at: [f64; 2]| way.map_back(at).unwrap_or([f64::NAN; 2]);
        let sights = [Some(baseline.sight([&stay, &stay])), Some(later.sight([&there, &back]))];
        bencher.bench(|| -> Vec<Track> { lesion::track(LesionKind::Pigmented, &sights) });
    }
}

#[divan::bench_group(sample_count = 10)]
mod statistics {
    use super::*;

    /// Changes and trends of a year of monthly visits, three shots each.
    #[divan::bench]
    fn thirteen_sessions(bencher: divan::Bencher) {
        let shown = &*SHOWN;
        let [before, after] = [0, 1].map(|i| vec![("skin".to_owned(), shown[i].values(&shown[i].region()))]);
        let sessions: Vec<SessionMetrics> = (0..13)
            .map(|month| SessionMetrics {
                session: month.to_string(),
                day: Some(30 * month),
                colour_blocked: None,
                relief_blocked: None,
                gain_log_sd: [0.01; 3],
                contrast_log_sd: 0.0,
                level_error: [0.0; 2],
                relief_log_sd: 0.0,
                healing: false,
                regions: if month % 2 == 0 { before.clone() } else { after.clone() },
                repeats: vec![before.clone(), after.clone()],
            })
            .collect();
        bencher.bench(|| -> (Vec<Change>, _) {
            let repeatability = series::repeatability(&BTreeMap::new(), &sessions, &[]);
            (series::changes(&sessions, &repeatability), series::trends(&sessions))
        });
    }
}

#[divan::bench_group(sample_count = 5, sample_size = 1)]
mod whole {
    use super::*;

    /// A baseline and a follow-up, from files to the view in the report.
    #[divan::bench]
    fn pair(bencher: divan::Bencher) {
        let scale = Scale::new(SCALE.px_per_mm, ScaleSource::Option).expect("in range");
        let photos = FILES.each_ref().map(PathBuf::as_path);
        let patient = batch::series_of(&photos, Some(scale), None);
        let settings = Settings::default();
        bencher.bench(|| pipeline::analyze_series(&patient.series[0], &settings, &|| ()));
    }
}
