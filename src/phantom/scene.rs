//! Where everything lies on the skin of one view, and how it changes.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::features::{Feature, Hair, Lesion, Papule, Pore, Scar, ScarShape, StretchMark, Wrinkle};
use super::noise::stream;
use super::patient::{ChangePlan, LesionKind, PatientPlan, PlacedLesion};
use super::shape::{Curve, Outline};

/// Skin around the baseline photo that is laid out too, as a share of its longer side.
const MARGIN: f64 = 0.12;
/// Free skin between lesions, mm: they must not touch.
const GAP_MM: f64 = 1.0;

/// The tone at which a plan's excess of melanin is a multiple of the skin's own.
const REFERENCE_TONE: f64 = 0.015;
/// Half of the part of the photo, along each side, where spots come and go.
const CENTRAL: f64 = 0.4;

/// The features of one view's skin.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Spots and patches; those that are absent have no excess.
    pub lesions: Vec<Lesion>,
    /// Pores.
    pub pores: Vec<Pore>,
    /// Wrinkles.
    pub wrinkles: Vec<Wrinkle>,
    /// Atrophic scars.
    pub scars: Vec<Scar>,
    /// Papules.
    pub papules: Vec<Papule>,
    /// Stretch marks.
    pub stretch_marks: Vec<StretchMark>,
    /// Which of `lesions` resolve first to last: spots that every photo shows.
    resolvable: Vec<usize>,
    /// How many of `lesions`, from the back, are spots that the baseline does not have.
    reserve: usize,
}

impl Scene {
    /// The baseline skin of view number `view`.
    pub fn of(plan: &PatientPlan, view: usize) -> Self {
        let mut layout = Layout::new(plan, view);
        let placed = layout.placed();
        let spots = layout.spots();
        let resolvable = layout.well_in_view(&spots);
        let patches = layout.patches();
        let scars = layout.scars();
        let papules = layout.papules();
        let reserve = layout.reserve();
        let (reserved, lesions) = (reserve.len(), [spots, patches, placed, reserve].concat());
        Self {
            lesions: named(lesions),
            pores: layout.pores(),
            wrinkles: layout.wrinkles(),
            scars,
            papules,
            stretch_marks: layout.stretch_marks(),
            resolvable,
            reserve: reserved,
        }
    }

    /// The same skin after a change.
    pub fn changed(&self, change: &ChangePlan) -> Self {
        let mut scene = self.clone();
        scene.lesions.iter_mut().for_each(|lesion| change_lesion(lesion, change));
        let first_new = self.lesions.len() - self.reserve;
        let unseen = (first_new + change.new_spots as usize).min(self.lesions.len());
        for lesion in &mut scene.lesions[unseen..] {
            lesion.excess = 0.0;
        }
        for &gone in self.resolvable.iter().take(change.resolved_spots as usize) {
            scene.lesions[gone].excess = 0.0;
        }
        for pore in &mut scene.pores {
            pore.diameter *= 1.0 - change.pore_tightening;
            pore.depth *= 1.0 - change.pore_tightening;
        }
        scene.wrinkles.iter_mut().for_each(|wrinkle| wrinkle.depth *= 1.0 - change.wrinkle_smoothing);
        scene.scars.iter_mut().for_each(|scar| scar.depth *= 1.0 - change.scar_filling);
        for papule in &mut scene.papules {
            papule.height *= 1.0 - change.papule_healing;
            papule.excess *= 1.0 - change.redness_fading;
        }
        scene
    }

    /// Everything on the skin, in the order in which it is painted.
    pub fn features(&self) -> Vec<&dyn Feature> {
        fn each<F: Feature>(features: &[F]) -> impl Iterator<Item = &dyn Feature> {
            features.iter().map(|feature| feature as &dyn Feature)
        }
        each(&self.stretch_marks)
            .chain(each(&self.wrinkles))
            .chain(each(&self.scars))
            .chain(each(&self.papules))
            .chain(each(&self.pores))
            .chain(each(&self.lesions))
            .collect()
    }
}

/// The hairs that lie on view `view` in session number `session`.
pub fn hairs(plan: &PatientPlan, view: usize, session: usize) -> Vec<Hair> {
    let random = &mut stream(plan.seed, &[view as u64, 100, session as u64]);
    let [width, height] = plan.field_mm();
    (0..plan.sessions[session].light.hairs)
        .map(|_| {
            let centre = [(random.random::<f64>() - 0.5) * width, (random.random::<f64>() - 0.5) * height];
            let length = 6.0 + 14.0 * random.random::<f64>();
            let direction = 360.0 * random.random::<f64>();
            let curve = Curve::new(centre, length, direction, 0.05, random);
            Hair { curve, width: 0.05 + 0.04 * random.random::<f64>() }
        })
        .collect()
}

fn change_lesion(lesion: &mut Lesion, change: &ChangePlan) {
    match lesion.kind {
        LesionKind::Pigmented => {
            lesion.excess *= 1.0 - change.spot_fading;
            lesion.outline.radius *= 1.0 - change.spot_shrinking;
        }
        LesionKind::Vascular => lesion.excess *= 1.0 - change.redness_fading,
    }
}

/// The lesions with their names: the kind and a number within it, from 1.
fn named(mut lesions: Vec<Lesion>) -> Vec<Lesion> {
    let (mut pigmented, mut vascular) = (0, 0);
    for lesion in &mut lesions {
        let (name, number) = match lesion.kind {
            LesionKind::Pigmented => ("pigmented", &mut pigmented),
            LesionKind::Vascular => ("vascular", &mut vascular),
        };
        *number += 1;
        lesion.id = format!("{name}-{number}");
    }
    lesions
}

/// Places features at random. Every family has a stream of its own, so that
/// more of one does not move another, except that lesions, scars and papules
/// keep clear of each other.
struct Layout<'a> {
    plan: &'a PatientPlan,
    view: u64,
    /// Half width and half height of the skin laid out, mm.
    half: [f64; 2],
    /// Circles that are taken: centre and radius, mm.
    taken: Vec<([f64; 2], f64)>,
}

impl<'a> Layout<'a> {
    fn new(plan: &'a PatientPlan, view: usize) -> Self {
        let [width, height] = plan.field_mm();
        let margin = MARGIN * width.max(height);
        Self {
            plan,
            view: view as u64,
            half: [width / 2.0 + margin, height / 2.0 + margin],
            taken: Vec::new(),
        }
    }

    fn stream(&self, family: u64) -> Pcg64Mcg {
        stream(self.plan.seed, &[self.view, family])
    }

    fn number(&self, per_cm2: f64) -> usize {
        (per_cm2 * 4.0 * self.half[0] * self.half[1] / 100.0).round() as usize
    }

    fn anywhere(&self, random: &mut Pcg64Mcg) -> [f64; 2] {
        self.half.map(|half| half * (2.0 * random.random::<f64>() - 1.0))
    }

    /// A free place for a circle of `reach` mm; `None` where the skin is too full.
    fn free(&mut self, reach: f64, random: &mut Pcg64Mcg) -> Option<[f64; 2]> {
        for _ in 0..40 {
            let centre = self.anywhere(random);
            let clear = self.taken.iter().all(|(other, radius)| {
                (centre[0] - other[0]).hypot(centre[1] - other[1]) > reach + radius + GAP_MM
            });
            if clear {
                self.taken.push((centre, reach));
                return Some(centre);
            }
        }
        None
    }

    fn placed(&mut self) -> Vec<Lesion> {
        let lesion = |placed: &PlacedLesion| Lesion {
            id: String::new(),
            kind: placed.kind,
            centre: placed.centre_mm,
            outline: Outline::disc(placed.radius_mm),
            edge: placed.edge_mm,
            excess: placed.excess,
        };
        let lesions: Vec<Lesion> = self.plan.skin.placed.iter().map(lesion).collect();
        self.taken.extend(lesions.iter().map(|lesion| (lesion.centre, lesion.reach())));
        lesions
    }

    fn spots(&mut self) -> Vec<Lesion> {
        let random = &mut self.stream(1);
        (0..self.number(self.plan.skin.spots_per_cm2)).filter_map(|_| self.spot(random)).collect()
    }

    /// Which of `lesions` lie well inside the baseline photo.
    fn well_in_view(&self, lesions: &[Lesion]) -> Vec<usize> {
        let [x, y] = self.plan.field_mm().map(|side| CENTRAL * side);
        let inside = |&i: &usize| lesions[i].centre[0].abs() < x && lesions[i].centre[1].abs() < y;
        (0..lesions.len()).filter(inside).collect()
    }

    /// Spots that come later: as many as the visit with the most has. They
    /// lie well inside the baseline photo.
    fn reserve(&mut self) -> Vec<Lesion> {
        let random = &mut self.stream(2);
        let most = self.plan.sessions.iter().map(|session| session.change.new_spots).max().unwrap_or(0);
        let all = self.half;
        self.half = self.plan.field_mm().map(|side| CENTRAL * side);
        let spots = (0..most).filter_map(|_| self.spot(random)).collect();
        self.half = all;
        spots
    }

    fn spot(&mut self, random: &mut Pcg64Mcg) -> Option<Lesion> {
        let skin = &self.plan.skin;
        let radius = skin.spot_radius_mm * scatter(0.4, random);
        let outline = Outline::irregular(radius, 0.2, random);
        let relative = (REFERENCE_TONE / self.plan.tone).sqrt();
        let excess = skin.spot_excess * relative * scatter(0.4, random);
        let edge = skin.spot_edge_mm * scatter(0.3, random);
        let centre = self.free(outline.reach() + edge, random)?;
        Some(Lesion { id: String::new(), kind: LesionKind::Pigmented, centre, outline, edge, excess })
    }

    fn patches(&mut self) -> Vec<Lesion> {
        let random = &mut self.stream(3);
        let patch = |layout: &mut Self, random: &mut Pcg64Mcg| {
            let skin = &layout.plan.skin;
            let radius = skin.patch_radius_mm * scatter(0.3, random);
            let outline = Outline::irregular(radius, 0.18, random);
            let excess = skin.patch_excess * scatter(0.3, random);
            // Redness lies deep: its edge is about as soft as the patch is wide.
            let edge = 0.6 * radius;
            let centre = layout.free(outline.reach() + edge, random)?;
            Some(Lesion { id: String::new(), kind: LesionKind::Vascular, centre, outline, edge, excess })
        };
        (0..self.number(self.plan.skin.patches_per_cm2)).filter_map(|_| patch(self, random)).collect()
    }

    fn scars(&mut self) -> Vec<Scar> {
        let random = &mut self.stream(4);
        (0..self.number(self.plan.skin.scars_per_cm2)).filter_map(|i| self.scar(i, random)).collect()
    }

    fn scar(&mut self, index: usize, random: &mut Pcg64Mcg) -> Option<Scar> {
        let (shape, radius, depth) =
            [(ScarShape::IcePick, 0.7, 0.35), (ScarShape::Boxcar, 1.1, 0.2), (ScarShape::Rolling, 2.0, 0.18)]
                [index % 3];
        let outline = Outline::irregular(radius * scatter(0.15, random), 0.12, random);
        let depth = self.plan.skin.scar_depth * depth * scatter(0.2, random);
        let centre = self.free(1.3 * outline.reach(), random)?;
        Some(Scar { shape, centre, outline, depth })
    }

    fn papules(&mut self) -> Vec<Papule> {
        let random = &mut self.stream(5);
        let papule = |layout: &mut Self, random: &mut Pcg64Mcg| {
            let radius = 0.9 * scatter(0.25, random);
            let height = 0.28 * radius * scatter(0.2, random);
            let centre = layout.free(2.0 * radius, random)?;
            Some(Papule { centre, radius, height, excess: 2.0 * scatter(0.3, random) })
        };
        (0..self.number(self.plan.skin.papules_per_cm2)).filter_map(|_| papule(self, random)).collect()
    }

    /// Pores lie on a shaken lattice of which a quarter is empty: evenly
    /// spread, but in no pattern.
    fn pores(&self) -> Vec<Pore> {
        const OCCUPIED: f64 = 0.75;
        let skin = &self.plan.skin;
        if skin.pores_per_cm2 == 0.0 {
            return Vec::new();
        }
        let random = &mut self.stream(6);
        let spacing = (100.0 * OCCUPIED / skin.pores_per_cm2).sqrt();
        let cells = self.half.map(|half| (half / spacing).ceil() as i64);
        let mut pores = Vec::new();
        for (row, column) in
            (-cells[1]..=cells[1]).flat_map(|row| (-cells[0]..=cells[0]).map(move |c| (row, c)))
        {
            let shaken =
                [column, row].map(|cell| (cell as f64 + 0.8 * (random.random::<f64>() - 0.5)) * spacing);
            let diameter = 1e-3 * skin.pore_diameter_um * scatter(0.3, random);
            let depth = 0.35 * diameter * scatter(0.15, random);
            if random.random_bool(OCCUPIED) {
                pores.push(Pore { centre: shaken, diameter, depth });
            }
        }
        pores
    }

    fn wrinkles(&self) -> Vec<Wrinkle> {
        let (random, skin) = (&mut self.stream(7), &self.plan.skin);
        (0..self.number(skin.wrinkles_per_cm2))
            .map(|_| {
                let centre = self.anywhere(random);
                let direction = skin.wrinkle_direction_deg + 8.0 * (2.0 * random.random::<f64>() - 1.0);
                let curve = Curve::new(centre, 13.0 * scatter(0.4, random), direction, 0.02, random);
                let width = 0.4 * scatter(0.3, random);
                Wrinkle { curve, width, depth: skin.wrinkle_depth_mm * scatter(0.35, random) }
            })
            .collect()
    }

    fn stretch_marks(&self) -> Vec<StretchMark> {
        let random = &mut self.stream(8);
        (0..self.number(self.plan.skin.stretch_marks_per_cm2))
            .map(|i| {
                let centre = self.anywhere(random);
                let direction = self.plan.skin.wrinkle_direction_deg + 50.0 + 10.0 * random.random::<f64>();
                let curve = Curve::new(centre, 26.0 * scatter(0.25, random), direction, 0.03, random);
                let (blood, melanin) = if i % 2 == 0 { (0.9, 0.0) } else { (-0.3, -0.35) };
                StretchMark { curve, width: 2.4 * scatter(0.25, random), blood, melanin, depth: 0.06 }
            })
            .collect()
    }
}

/// A log-normal factor about 1 with standard deviation `sigma` of its
/// logarithm, held within two of them.
fn scatter(sigma: f64, random: &mut Pcg64Mcg) -> f64 {
    let z: f64 = StandardNormal.sample(random);
    (sigma * z.clamp(-2.0, 2.0)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PatientPlan {
        PatientPlan { width: 1600, height: 1200, ..PatientPlan::default() }
    }

    #[test]
    fn no_change_changes_nothing() {
        let mut plan = plan();
        plan.sessions.iter_mut().for_each(|session| session.change = ChangePlan::default());
        let scene = Scene::of(&plan, 0);
        assert_eq!(scene.changed(&ChangePlan::default()), scene);
    }

    #[test]
    fn lesions_do_not_touch() {
        let lesions = Scene::of(&plan(), 0).lesions;
        assert!(lesions.len() > 40, "{}", lesions.len());
        for (i, a) in lesions.iter().enumerate() {
            for b in &lesions[..i] {
                let distance = (a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1]);
                assert!(distance > a.reach() + b.reach(), "{} {}", a.id, b.id);
            }
        }
    }

    #[test]
    fn pores_are_as_dense_as_planned() {
        let plan = plan();
        let [width, height] = plan.field_mm();
        let inside = |pore: &&Pore| pore.centre[0].abs() < width / 2.0 && pore.centre[1].abs() < height / 2.0;
        let density =
            Scene::of(&plan, 0).pores.iter().filter(inside).count() as f64 / (width * height / 100.0);
        assert!((density - 50.0).abs() < 4.0, "{density}");
    }

    #[test]
    fn spots_come_and_go_as_planned() {
        let mut plan = plan();
        plan.sessions[2].change = ChangePlan { new_spots: 3, resolved_spots: 2, ..ChangePlan::default() };
        let scene = Scene::of(&plan, 0);
        let count = |scene: &Scene| scene.lesions.iter().filter(|lesion| lesion.excess != 0.0).count();
        let (before, after) =
            (scene.changed(&plan.sessions[0].change), scene.changed(&plan.sessions[2].change));
        assert_eq!(count(&after), count(&before) + 3 - 2);
    }

    #[test]
    fn more_scars_leave_the_pores_where_they_are() {
        let mut other = plan();
        other.skin.scars_per_cm2 = 1.0;
        assert_eq!(Scene::of(&plan(), 0).pores, Scene::of(&other, 0).pores);
        assert_ne!(Scene::of(&plan(), 0).pores, Scene::of(&plan(), 1).pores);
    }
}
