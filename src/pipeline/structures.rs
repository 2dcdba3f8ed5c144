//! How right structures are: what is found on synthetic skin beside what is there.

use crate::error::Result;
use crate::metrics::ibsi;
use crate::phantom::{PatientPlan, SessionTruth, render_view};
use crate::photo::Photo;
use crate::pipeline::frame::Frame;
use crate::pipeline::measuring::Shown;
use crate::units::{Scale, ScaleSource};

/// One line of the accuracy table.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyRow {
    /// The family it belongs to.
    pub section: &'static str,
    /// What is compared.
    pub quantity: String,
    /// The value seen.
    pub value: f64,
    /// Its unit; empty for shares and scores.
    pub unit: &'static str,
}

/// Least diameter of a pore that must be found, mm. Smaller ones that are
/// found count neither way.
const LEAST_PORE_MM: f64 = 0.22;

/// Least distance, mm, within which a pore is the one that is there; half of its diameter if that is more.
const PORE_MM: f64 = 0.15;

/// Distance, mm, within which a line is the one that is there.
const LINE_MM: f64 = 0.4;

/// Least distance, mm, within which a scar or papule is the one that is there; its radius if that is more.
const DISC_MM: f64 = 0.5;

/// Least depth over width of a wrinkle that can be seen, once its width is at least 0.3 mm.
const VISIBLE: f64 = 0.2;

/// The table of structures: skin of each of the tones (melanosome fractions)
/// by the plan, and the agreement of texture features with the IBSI.
///
/// # Errors
///
/// Those of [`render_view`].
pub fn structure_accuracy(plan: &PatientPlan, tones: &[f64]) -> Result<Vec<AccuracyRow>> {
    let mut rows = Vec::new();
    for &tone in tones {
        let plan = PatientPlan { tone, ..plan.clone() };
        let rendered = render_view(&plan, 0, 0)?;
        let shown = show(Photo::from_rgb8("phantom", rendered.image), plan.px_per_mm)?;
        rows.extend(compared(&shown, &rendered.truth, tone));
    }
    let agreement = ibsi::agreement();
    let agreeing = agreement.iter().filter(|row| row.agrees).count();
    rows.push(AccuracyRow {
        section: "texture",
        quantity: format!("IBSI features that agree in every published digit, of {}", agreement.len()),
        value: agreeing as f64,
        unit: "",
    });
    Ok(rows)
}

fn show(photo: Photo, px_per_mm: f64) -> Result<Shown> {
    let scale = Scale::new(px_per_mm, ScaleSource::Option)?;
    let frame = Frame::of(photo, Some(scale));
    Ok(Shown::alone(&frame).0)
}

fn compared(shown: &Shown, truth: &SessionTruth, tone: f64) -> Vec<AccuracyRow> {
    let px = truth.px_per_mm;
    let row = |section, quantity: &str, value, unit| AccuracyRow {
        section,
        quantity: format!("{quantity}, melanin {tone}"),
        value,
        unit,
    };
    let pores: Vec<Disc> = truth
        .pores
        .iter()
        .map(|pore| {
            let reach = (0.5e-3 * pore.diameter_um).max(PORE_MM) * px;
            Disc { at: pore.session_px, reach, counts: pore.diameter_um >= 1000.0 * LEAST_PORE_MM }
        })
        .collect();
    let found: Vec<[f64; 2]> = shown.pores.iter().map(|pore| [pore.x_px, pore.y_px]).collect();
    let pairs = paired(&pores, &found);
    let mut errors: Vec<f64> = pairs
        .iter()
        .filter(|(i, _)| pores[*i].counts)
        .map(|(i, j)| 1000.0 * shown.pores[*j].diameter_px / px - truth.pores[*i].diameter_um)
        .collect();
    let bias = median(&mut errors);
    let error = median(&mut errors.iter().map(|error| error.abs()).collect::<Vec<_>>());
    let discs = |places: Vec<([f64; 2], f64)>| -> Vec<Disc> {
        let disc = |(at, radius): ([f64; 2], f64)| Disc { at, reach: radius.max(DISC_MM) * px, counts: true };
        places.into_iter().map(disc).collect()
    };
    let scars = discs(truth.scars.iter().map(|scar| (scar.session_px, scar.radius_mm)).collect());
    let found_scars: Vec<[f64; 2]> = shown.scars.iter().map(|scar| [scar.x_px, scar.y_px]).collect();
    let papules = discs(truth.papules.iter().map(|papule| (papule.session_px, papule.radius_mm)).collect());
    let found_papules: Vec<[f64; 2]> =
        shown.papules.iter().map(|papule| [papule.x_px, papule.y_px]).collect();
    let all: Vec<[f64; 2]> = truth.wrinkles.iter().flat_map(|w| dense(&w.points_px)).collect();
    let visible: Vec<[f64; 2]> = truth
        .wrinkles
        .iter()
        .filter(|w| w.depth_um >= VISIBLE * w.width_um && w.width_um >= 300.0)
        .flat_map(|w| dense(&w.points_px))
        .filter(|[x, y]| {
            (0.0..f64::from(truth.width)).contains(x) && (0.0..f64::from(truth.height)).contains(y)
        })
        .collect();
    let lines: Vec<[f64; 2]> = shown.wrinkles.iter().flat_map(|w| dense(&w.points)).collect();
    vec![
        row("pores", "F1 from 0.22 mm", f1(&pores, &found, &pairs), ""),
        row("pores", "median absolute error of the diameter", error, "um"),
        row("pores", "median error of the diameter", bias, "um"),
        row("wrinkles", "recall of visible length within 0.4 mm", near(&visible, &lines, LINE_MM * px), ""),
        row("wrinkles", "precision of length within 0.4 mm", near(&lines, &all, LINE_MM * px), ""),
        row("scars", "F1", f1(&scars, &found_scars, &paired(&scars, &found_scars)), ""),
        row(
            "inflammation",
            "F1 of papules",
            f1(&papules, &found_papules, &paired(&papules, &found_papules)),
            "",
        ),
    ]
}

/// Something that is there.
struct Disc {
    at: [f64; 2],
    /// Within this distance, native pixels, a find is it.
    reach: f64,
    /// Whether it must be found.
    counts: bool,
}

/// Indices of what is there and what was found, nearest pairs first, each once;
/// what must be found has the first choice.
fn paired(there: &[Disc], found: &[[f64; 2]]) -> Vec<(usize, usize)> {
    let mut near: Vec<(bool, f64, usize, usize)> = Vec::new();
    for (i, disc) in there.iter().enumerate() {
        for (j, at) in found.iter().enumerate() {
            let distance = (at[0] - disc.at[0]).hypot(at[1] - disc.at[1]);
            if distance <= disc.reach {
                near.push((!disc.counts, distance, i, j));
            }
        }
    }
    near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then((a.2, a.3).cmp(&(b.2, b.3))));
    let (mut used, mut taken) = (vec![false; there.len()], vec![false; found.len()]);
    let mut pairs = Vec::new();
    for (_, _, i, j) in near {
        if !used[i] && !taken[j] {
            (used[i], taken[j]) = (true, true);
            pairs.push((i, j));
        }
    }
    pairs
}

/// The harmonic mean of precision and recall; 1 where nothing is there and nothing was found.
fn f1(there: &[Disc], found: &[[f64; 2]], pairs: &[(usize, usize)]) -> f64 {
    let hits = pairs.iter().filter(|(i, _)| there[*i].counts).count();
    let missed = there.iter().filter(|disc| disc.counts).count() - hits;
    let wrong = found.len() - pairs.len();
    let all = 2 * hits + missed + wrong;
    if all == 0 { 1.0 } else { 2.0 * hits as f64 / all as f64 }
}

/// The share of `points` that lie within `reach` of one of `others`; 1 of none.
fn near(points: &[[f64; 2]], others: &[[f64; 2]], reach: f64) -> f64 {
    let close = |p: &&[f64; 2]| others.iter().any(|o| (o[0] - p[0]).hypot(o[1] - p[1]) <= reach);
    if points.is_empty() { 1.0 } else { points.iter().filter(close).count() as f64 / points.len() as f64 }
}

/// Points about two pixels apart along a line.
fn dense(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let step = |ends: &[[f64; 2]]| {
        let ([ax, ay], [bx, by]) = (ends[0], ends[1]);
        let count = ((bx - ax).hypot(by - ay) / 2.0).ceil().max(1.0);
        (0..count as usize).map(move |i| {
            let t = i as f64 / count;
            [ax + t * (bx - ax), ay + t * (by - ay)]
        })
    };
    points.windows(2).flat_map(step).collect()
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pores_that_are_found_count_neither_way() {
        let there = [
            Disc { at: [0.0, 0.0], reach: 3.0, counts: true },
            Disc { at: [10.0, 0.0], reach: 3.0, counts: false },
            Disc { at: [20.0, 0.0], reach: 3.0, counts: true },
        ];
        // One hit, one small one, one wrong, one missed: 2 / (2 + 1 + 1).
        let found = [[1.0, 0.0], [10.0, 1.0], [40.0, 0.0]];
        assert_eq!(f1(&there, &found, &paired(&there, &found)), 0.5);
        assert_eq!(f1(&[], &[], &[]), 1.0);
    }

    #[test]
    fn the_share_of_a_line_near_another_is_that_of_its_length() {
        let (line, half) = (dense(&[[0.0, 0.0], [100.0, 0.0]]), dense(&[[0.0, 5.0], [50.0, 5.0]]));
        assert!((near(&line, &half, 5.1) - 0.5).abs() < 0.03);
        assert_eq!(near(&half, &line, 4.9), 0.0);
    }
}
