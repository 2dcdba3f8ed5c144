//! Whether the values of a plan lie in their ranges.

use super::patient::{CameraPlan, CardPlan, ChangePlan, LightPlan, PatientPlan, SessionPlan, SkinPlan};
use crate::error::{Error, Result};

impl PatientPlan {
    /// Whether every value lies in its range.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] names the first that does not, and
    /// [`Error::Empty`] says that there is no view or no session.
    pub fn check(&self) -> Result<()> {
        if self.views.is_empty() || self.sessions.is_empty() {
            return Err(Error::Empty {
                what: "the plan has no view or no session".into(),
                advice: "name at least one of each".into(),
            });
        }
        for (name, value, low, high) in self.ranges() {
            within(name, value, low, high)?;
        }
        self.skin.check()?;
        self.sessions.iter().try_for_each(SessionPlan::check)
    }

    fn ranges(&self) -> [(&'static str, f64, f64, f64); 8] {
        [
            ("width", f64::from(self.width), 16.0, 20_000.0),
            ("height", f64::from(self.height), 16.0, 20_000.0),
            ("px_per_mm", self.px_per_mm, 1.0, 200.0),
            ("tone", self.tone, 0.003, 0.3),
            ("blood", self.blood, 0.0005, 0.05),
            ("tissue.melanin_exponent", self.tissue.melanin_exponent, 3.0, 3.6),
            ("tissue.epidermis_um", self.tissue.epidermis_um, 60.0, 100.0),
            ("tissue.oxygenation", self.tissue.oxygenation, 0.0, 1.0),
        ]
    }
}

impl SkinPlan {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("skin.spots_per_cm2", self.spots_per_cm2, 0.0, 20.0),
            ("skin.spot_radius_mm", self.spot_radius_mm, 0.2, 10.0),
            ("skin.spot_edge_mm", self.spot_edge_mm, 0.0, 3.0),
            ("skin.spot_excess", self.spot_excess, -0.9, 20.0),
            ("skin.patches_per_cm2", self.patches_per_cm2, 0.0, 10.0),
            ("skin.patch_radius_mm", self.patch_radius_mm, 0.2, 20.0),
            ("skin.patch_excess", self.patch_excess, -0.9, 20.0),
            ("skin.pores_per_cm2", self.pores_per_cm2, 0.0, 400.0),
            ("skin.pore_diameter_um", self.pore_diameter_um, 50.0, 1500.0),
            ("skin.wrinkles_per_cm2", self.wrinkles_per_cm2, 0.0, 5.0),
            ("skin.wrinkle_depth_mm", self.wrinkle_depth_mm, 0.0, 0.5),
            ("skin.wrinkle_direction_deg", self.wrinkle_direction_deg, -180.0, 180.0),
            ("skin.scars_per_cm2", self.scars_per_cm2, 0.0, 5.0),
            ("skin.scar_depth", self.scar_depth, 0.0, 3.0),
            ("skin.papules_per_cm2", self.papules_per_cm2, 0.0, 5.0),
            ("skin.stretch_marks_per_cm2", self.stretch_marks_per_cm2, 0.0, 2.0),
            ("skin.relief_mm", self.relief_mm, 0.0, 0.2),
            ("skin.mottling", self.mottling, 0.0, 0.5),
        ] {
            within(name, value, low, high)?;
        }
        for lesion in &self.placed {
            within("skin.placed.radius_mm", lesion.radius_mm, 0.01, 1000.0)?;
            within("skin.placed.edge_mm", lesion.edge_mm, 0.0, 100.0)?;
            within("skin.placed.excess", lesion.excess, -0.99, 1000.0)?;
        }
        Ok(())
    }
}

impl SessionPlan {
    fn check(&self) -> Result<()> {
        within("shots", f64::from(self.shots), 1.0, 20.0)?;
        self.change.check()?;
        self.light.check()?;
        self.card.iter().try_for_each(CardPlan::check)?;
        self.camera.check()
    }
}

impl ChangePlan {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("change.spot_fading", self.spot_fading, -1.0, 1.0),
            ("change.spot_shrinking", self.spot_shrinking, -1.0, 0.9),
            ("change.redness_fading", self.redness_fading, -1.0, 1.0),
            ("change.flush", self.flush, -0.9, 4.0),
            ("change.tan", self.tan, -0.9, 4.0),
            ("change.scar_filling", self.scar_filling, -1.0, 1.0),
            ("change.wrinkle_smoothing", self.wrinkle_smoothing, -1.0, 1.0),
            ("change.pore_tightening", self.pore_tightening, -1.0, 0.9),
            ("change.relief_smoothing", self.relief_smoothing, -2.0, 1.0),
            ("change.papule_healing", self.papule_healing, -1.0, 1.0),
            ("change.new_spots", f64::from(self.new_spots), 0.0, 1000.0),
        ] {
            within(name, value, low, high)?;
        }
        Ok(())
    }
}

impl CameraPlan {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("camera.rotation_deg", self.rotation_deg, -180.0, 180.0),
            ("camera.magnification", self.magnification, 0.25, 4.0),
            ("camera.shift_mm", self.shift_mm[0], -1000.0, 1000.0),
            ("camera.shift_mm", self.shift_mm[1], -1000.0, 1000.0),
            ("camera.tilt", self.tilt[0], -0.3, 0.3),
            ("camera.tilt", self.tilt[1], -0.3, 0.3),
            ("camera.elastic_mm", self.elastic_mm, 0.0, 5.0),
            ("camera.reposition_mm", self.reposition_mm, 0.0, 10.0),
            ("camera.blur_px", self.blur_px, 0.0, 20.0),
            ("camera.photon_noise", self.photon_noise, 0.0, 0.2),
            ("camera.read_noise", self.read_noise, 0.0, 0.1),
            ("camera.jpeg_quality", f64::from(self.jpeg_quality), 1.0, 100.0),
        ] {
            within(name, value, low, high)?;
        }
        Ok(())
    }
}

impl CardPlan {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("card.centre", self.centre[0], 0.0, 1.0),
            ("card.centre", self.centre[1], 0.0, 1.0),
            ("card.width", self.width, 0.05, 1.0),
            ("card.rotation_deg", self.rotation_deg, -360.0, 360.0),
            ("card.year", f64::from(self.year), 1976.0, 2100.0),
        ] {
            within(name, value, low, high)?;
        }
        Ok(())
    }
}

impl LightPlan {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("light.exposure", self.exposure, 0.02, 20.0),
            ("light.white_balance", self.white_balance[0], 0.3, 3.0),
            ("light.white_balance", self.white_balance[1], 0.3, 3.0),
            ("light.gradient", self.gradient, -1.0, 1.0),
            ("light.azimuth_deg", self.azimuth_deg, -360.0, 360.0),
            ("light.elevation_deg", self.elevation_deg, 15.0, 90.0),
            ("light.ambient", self.ambient, 0.0, 1.0),
            ("light.haze", self.haze, 0.0, 0.1),
            ("light.shine", self.shine, 0.0, 0.5),
            ("light.glare", self.glare, 0.0, 1.0),
            ("light.hairs", f64::from(self.hairs), 0.0, 500.0),
        ] {
            within(name, value, low, high)?;
        }
        Ok(())
    }
}

fn within(name: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        name: format!("phantom.{name}"),
        value: value.to_string(),
        range: format!("between {low} and {high}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_lies_in_its_ranges() {
        assert!(PatientPlan::default().check().is_ok());
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let plan = PatientPlan { tone: f64::NAN, ..PatientPlan::default() };
        assert!(plan.check().unwrap_err().to_string().contains("phantom.tone"));
        let mut plan = PatientPlan::default();
        plan.sessions[1].light.elevation_deg = 3.0;
        assert!(plan.check().unwrap_err().to_string().contains("light.elevation_deg"));
    }

    #[test]
    fn a_plan_without_sessions_is_refused() {
        assert!(PatientPlan { sessions: vec![], ..PatientPlan::default() }.check().is_err());
    }
}
