//! Ready-made patients.

use super::patient::{CameraPlan, ChangePlan, LightPlan, PatientPlan, SessionPlan, SkinPlan, TissuePlan};
use crate::error::{Error, Result};

/// Names of the presets and what they are for.
pub const PRESETS: [(&str, &str); 7] = [
    (
        "improving",
        "three visits: spots fade, redness, scars, wrinkles and pores lessen, one spot goes, one comes",
    ),
    ("unchanged", "the same skin three times, with another pose, exposure, white balance and noise"),
    ("worsening", "spots darken, redness and papules grow, two spots come"),
    (
        "flash",
        "untreated skin with oblique light, then with a frontal flash: nothing may come out as improved",
    ),
    ("difficult", "untreated skin under hairs, glare, another light and a strong change of pose"),
    ("blurred", "untreated skin, sharp, then out of focus and strongly compressed"),
    ("still", "the same skin twice with the same camera and light: only the noise differs"),
];

impl Default for PatientPlan {
    /// The preset `improving`.
    fn default() -> Self {
        Self::of(improving())
    }
}

impl PatientPlan {
    /// A ready-made patient of [`PRESETS`]: light skin, 800 × 600 pixels, 20 px/mm.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if there is no preset of that name.
    ///
    /// ```
    /// let plan = dermalapse::phantom::PatientPlan::preset("unchanged").unwrap();
    /// assert_eq!(plan.sessions[2].change, Default::default());
    /// ```
    pub fn preset(name: &str) -> Result<Self> {
        let sessions = match name {
            "improving" => improving(),
            "unchanged" => unchanged(),
            "worsening" => worsening(),
            "flash" => flash(),
            "difficult" => difficult(),
            "blurred" => blurred(),
            "still" => vec![visit(0), visit(1)],
            _ => return Err(unknown(name)),
        };
        Ok(Self::of(sessions))
    }

    fn of(sessions: Vec<SessionPlan>) -> Self {
        Self {
            patient: "phantom".into(),
            views: vec!["cheek_left".into()],
            sessions,
            width: 800,
            height: 600,
            px_per_mm: 20.0,
            tone: 0.015,
            blood: 0.006,
            seed: 1,
            tissue: TissuePlan::default(),
            skin: SkinPlan::default(),
        }
    }
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.0).collect();
    Error::OutOfRange {
        name: "preset".into(),
        value: name.into(),
        range: format!("in the list: {}", names.join(", ")),
    }
}

/// The dates of up to three visits, and days since the first.
const DATES: [(&str, i32); 3] = [("2026-01-10", 0), ("2026-02-21", 42), ("2026-04-04", 84)];

fn visit(index: usize) -> SessionPlan {
    let (date, day) = DATES[index];
    SessionPlan { date: date.into(), day, ..SessionPlan::default() }
}

/// Visit `index` with the camera held and the light set by another hand.
fn moved(index: usize) -> SessionPlan {
    let mut session = visit(index);
    let camera = &mut session.camera;
    (camera.rotation_deg, camera.magnification) = [(0.0, 1.0), (3.0, 1.03), (-4.0, 0.97)][index];
    camera.shift_mm = [[0.0, 0.0], [1.4, -0.9], [-1.1, 1.6]][index];
    camera.tilt = [[0.0, 0.0], [0.012, -0.006], [-0.01, 0.01]][index];
    camera.elastic_mm = [0.0, 0.12, 0.15][index];
    let light = &mut session.light;
    light.exposure = [1.25, 1.16, 1.33][index];
    light.white_balance = [[1.0, 1.0], [1.02, 0.98], [0.985, 1.02]][index];
    light.azimuth_deg = [110.0, 104.0, 117.0][index];
    session
}

fn improving() -> Vec<SessionPlan> {
    (0..3)
        .map(|index| {
            let share = [0.0, 0.5, 1.0][index];
            let mut session = moved(index);
            session.treated = index < 2;
            session.change = ChangePlan {
                spot_fading: 0.5 * share,
                spot_shrinking: 0.1 * share,
                redness_fading: 0.6 * share,
                scar_filling: 0.35 * share,
                wrinkle_smoothing: 0.3 * share,
                pore_tightening: 0.15 * share,
                relief_smoothing: 0.2 * share,
                new_spots: u32::from(index == 2),
                resolved_spots: u32::from(index > 0),
                ..ChangePlan::default()
            };
            session
        })
        .collect()
}

fn unchanged() -> Vec<SessionPlan> {
    (0..3).map(moved).collect()
}

fn worsening() -> Vec<SessionPlan> {
    (0..3)
        .map(|index| {
            let share = [0.0, 0.5, 1.0][index];
            let mut session = moved(index);
            session.change = ChangePlan {
                spot_fading: -0.4 * share,
                redness_fading: -0.5 * share,
                flush: 0.1 * share,
                new_spots: index as u32,
                ..ChangePlan::default()
            };
            session
        })
        .collect()
}

fn flash() -> Vec<SessionPlan> {
    let mut sessions = vec![visit(0), moved(1)];
    sessions[0].light = LightPlan { elevation_deg: 32.0, ambient: 0.2, ..LightPlan::default() };
    sessions[1].light = LightPlan { elevation_deg: 88.0, ambient: 0.2, ..LightPlan::default() };
    sessions
}

fn difficult() -> Vec<SessionPlan> {
    let mut sessions = vec![visit(0), visit(1)];
    sessions[0].light = LightPlan { hairs: 3, glare: 0.08, ..LightPlan::default() };
    sessions[1].light = LightPlan {
        exposure: 0.9,
        white_balance: [1.08, 0.9],
        gradient: -0.25,
        azimuth_deg: 60.0,
        glare: 0.15,
        hairs: 5,
        ..LightPlan::default()
    };
    sessions[1].camera = CameraPlan {
        rotation_deg: 17.0,
        magnification: 0.87,
        shift_mm: [-3.0, 2.5],
        tilt: [0.05, 0.03],
        elastic_mm: 0.35,
        ..CameraPlan::default()
    };
    sessions
}

fn blurred() -> Vec<SessionPlan> {
    let mut sessions = vec![visit(0), moved(1)];
    let camera = sessions[1].camera.clone();
    sessions[1].camera = CameraPlan { blur_px: 2.4, jpeg_quality: 55, ..camera };
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_exists_and_lies_in_its_ranges() {
        for (name, _) in PRESETS {
            let plan = PatientPlan::preset(name).unwrap();
            assert!(plan.check().is_ok() && plan.sessions.len() > 1, "{name}");
        }
    }

    #[test]
    fn an_unknown_preset_lists_the_known_ones() {
        assert!(PatientPlan::preset("better").unwrap_err().to_string().contains("improving"));
    }

    #[test]
    fn presets_without_change_have_none() {
        for name in ["unchanged", "flash", "difficult", "blurred", "still"] {
            let plan = PatientPlan::preset(name).unwrap();
            assert!(plan.sessions.iter().all(|session| session.change == ChangePlan::default()), "{name}");
        }
    }
}
