//! Gains between two sessions from skin that did not change.
//!
//! Every cell of skin seen in both sessions gives a log ratio per channel.
//! Cells whose pigment or blood is unusual in either session (spots, red
//! patches: what treatment changes) are left out, a smooth field is fitted to
//! the shading component of the ratios, and the gains are the mode of what
//! remains. Skin that reddened or tanned *as a whole* cannot be told from a
//! change of lamp; that is the assumption of the method, and its limit.

use nalgebra::{DMatrix, DVector};

use super::field::{self, ShadingField, TERMS};
use super::{Calibration, Method};
use crate::color::unmixing::three_vectors;
use crate::color::{Lab, Rgb, delta_e_2000};
use crate::error::Warning;

/// The same skin in two sessions: linear light of the mean of a cell of about a millimetre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkinPair {
    /// Linear light in the reference session.
    pub reference: Rgb,
    /// Linear light in the moving photo.
    pub moving: Rgb,
    /// Where in the moving photo, as shares of its width and height, `0..=1`.
    pub position: [f64; 2],
}

/// Fewest cells that gains are worked out from. Chosen by us: the standard
/// error of a median of 30 is a quarter of the spread.
const FEWEST_CELLS: usize = 30;

/// Least share of the cells that must be left. Below it most of the skin
/// changed, or is clipped, and "unchanged" has no meaning.
const LEAST_SHARE: f64 = 0.2;

/// Linear light that is neither clipped nor lost in the dark.
const USABLE: std::ops::RangeInclusive<f32> = 0.004..=0.98;

/// Standard deviations from the median content within which skin counts as
/// ordinary: keeps 87 % of normally distributed skin.
const ORDINARY: f64 = 1.5;

/// Least spread (density units) that content is judged by, so that even skin
/// with no variation but noise keeps its cells.
const LEAST_SPREAD: f64 = 0.005;

/// Largest plausible gain, and its inverse the least: two stops.
const LARGEST_GAIN: f64 = 4.0;

/// Gains, field and their uncertainty from skin seen in both sessions.
///
/// Never fails: where there is too little ordinary skin, or the gains are
/// implausible, the method is [`Method::None`] and the warning says why.
pub fn from_reference_skin(pairs: &[SkinPair]) -> Calibration {
    let usable: Vec<Cell> = pairs.iter().filter_map(Cell::of).collect();
    let cells = ordinary(&usable);
    let share = cells.len() as f64 / pairs.len().max(1) as f64;
    if cells.len() < FEWEST_CELLS || share < LEAST_SHARE {
        return Calibration::refused(too_few(cells.len(), pairs.len()));
    }
    let field = fit_field(&cells);
    let corrected: Vec<[f64; 3]> = cells.iter().map(|cell| cell.without(field.as_ref())).collect();
    let logs = [0, 1, 2].map(|channel| mode(&column(&corrected, channel)));
    if logs.iter().any(|log| log.abs() > LARGEST_GAIN.ln()) {
        return Calibration::refused(implausible(logs));
    }
    Calibration {
        method: Method::ReferenceSkin,
        gains: logs.map(|log| log.exp() as f32),
        gain_log_sd: [0, 1, 2]
            .map(|channel| standard_error(&cells, &column(&corrected, channel), logs[channel])),
        delta_e_2000: Some(residual_colour(&cells, field.as_ref(), logs)),
        field,
        share_used: share,
        ..Calibration::none()
    }
}

/// A pair with what is worked out from it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    pair: SkinPair,
    /// Log of reference over moving, per channel.
    ratio: [f64; 3],
    /// Melanin and hemoglobin in both sessions.
    content: [f64; 4],
    /// The part of the log ratios that pigment and blood do not enter.
    shading: f64,
}

impl Cell {
    fn of(pair: &SkinPair) -> Option<Self> {
        let usable = pair.reference.iter().chain(&pair.moving).all(|value| USABLE.contains(value));
        if !usable || pair.position.iter().any(|p| !(0.0..=1.0).contains(p)) {
            return None;
        }
        let density = |rgb: Rgb| rgb.map(|value| -f64::from(value).ln());
        let (reference, moving) = (density(pair.reference), density(pair.moving));
        let ratio = [0, 1, 2].map(|c| moving[c] - reference[c]);
        let shading = dot(three_vectors()[2], ratio);
        let [[m0, b0], [m1, b1]] = [reference, moving].map(content);
        Some(Self { pair: *pair, ratio, content: [m0, b0, m1, b1], shading })
    }

    /// The log ratios with the field taken out.
    fn without(&self, field: Option<&ShadingField>) -> [f64; 3] {
        let log_field = field.map_or(0.0, |field| field.log_at(self.pair.position));
        self.ratio.map(|ratio| ratio + log_field)
    }
}

/// Pigment and blood (melanin, haemoglobin) in densities of red, green and
/// blue; exposure and shading do not enter, a white balance shifts them.
pub fn content(density: [f64; 3]) -> [f64; 2] {
    let [melanin, blood, _] = three_vectors();
    [dot(melanin, density), dot(blood, density)]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn column(rows: &[[f64; 3]], channel: usize) -> Vec<f64> {
    rows.iter().map(|row| row[channel]).collect()
}

/// The cells with ordinary pigment and blood in both sessions.
fn ordinary(cells: &[Cell]) -> Vec<Cell> {
    let spans: Vec<(f64, f64)> = (0..4)
        .map(|i| {
            let content: Vec<f64> = cells.iter().map(|cell| cell.content[i]).collect();
            let centre = median(&content);
            (centre, ORDINARY * spread(&content, centre).max(LEAST_SPREAD))
        })
        .collect();
    let fits =
        |cell: &Cell| cell.content.iter().zip(&spans).all(|(c, (centre, span))| (c - centre).abs() <= *span);
    cells.iter().copied().filter(fits).collect()
}

/// The middle value; 0 of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Standard deviation by the median absolute deviation from `centre`.
pub(super) fn spread(values: &[f64], centre: f64) -> f64 {
    let deviations: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    1.4826 * median(&deviations)
}

/// Tukey's biweight with its usual constant of 95 % efficiency.
fn biweight(residual: f64, spread: f64) -> f64 {
    let t = residual / (4.685 * spread);
    if t.abs() < 1.0 { (1.0 - t * t).powi(2) } else { 0.0 }
}

/// Where most values lie: a biweight mean that starts from the median.
pub(super) fn mode(values: &[f64]) -> f64 {
    let mut centre = median(values);
    let spread = spread(values, centre).max(1e-6);
    for _ in 0..20 {
        let weights: Vec<f64> = values.iter().map(|value| biweight(value - centre, spread)).collect();
        let sum: f64 = weights.iter().sum();
        centre =
            values.iter().zip(&weights).map(|(value, weight)| value * weight).sum::<f64>() / sum.max(1e-12);
    }
    centre
}

/// Side of the grid of blocks by which the standard error is judged.
const BLOCKS: usize = 5;

/// Standard error of `centre`: neighbouring cells share their error, so that
/// blocks of the frame count as independent, not cells.
fn standard_error(cells: &[Cell], values: &[f64], centre: f64) -> f64 {
    let spread = spread(values, centre).max(1e-6);
    let mut blocks = [(0.0, 0.0); BLOCKS * BLOCKS];
    for (cell, value) in cells.iter().zip(values) {
        let [column, row] = cell.pair.position.map(|p| ((p * BLOCKS as f64) as usize).min(BLOCKS - 1));
        let weight = biweight(value - centre, spread);
        let block = &mut blocks[row * BLOCKS + column];
        *block = (block.0 + weight * (value - centre), block.1 + weight);
    }
    let total: f64 = blocks.iter().map(|block| block.1).sum();
    let squares: f64 = blocks.iter().map(|block| block.0 * block.0).sum();
    let filled = blocks.iter().filter(|block| block.1 > 0.0).count() as f64;
    let between = (squares * filled / (filled - 1.0).max(1.0)).sqrt() / total.max(1e-12);
    between.max(spread / (values.len() as f64).sqrt())
}

/// Smallest range (log units) of a field that is worth dividing out; less is
/// within what the gains' own error allows.
const LEAST_FIELD: f64 = 0.02;

/// A quadratic in position fitted to the shading component by iteratively
/// reweighted least squares, if the cells cover enough of the frame to carry
/// it and it explains the ratios better than none.
fn fit_field(cells: &[Cell]) -> Option<ShadingField> {
    let shading: Vec<f64> = cells.iter().map(|cell| cell.shading).collect();
    let level = mode(&shading);
    let flat = spread(&shading, level);
    let rows = cells.iter().flat_map(|cell| {
        let terms = field::terms(cell.pair.position);
        std::iter::once(1.0).chain(terms)
    });
    let design = DMatrix::from_row_iterator(cells.len(), TERMS + 1, rows);
    let solution = reweighted(&design, &shading, flat)?;
    let fitted = &design * &solution;
    let residuals: Vec<f64> = shading.iter().zip(fitted.iter()).map(|(s, f)| s - f).collect();
    // The ratio is reference over moving: where the moving photo has more light it is lower.
    let coefficients = std::array::from_fn(|i| -solution[i + 1]);
    let field = ShadingField::new(coefficients, seen(cells));
    let explains = spread(&residuals, 0.0) < flat * (1.0 - 2.0 * TERMS as f64 / cells.len() as f64);
    (explains && field.range() > LEAST_FIELD).then_some(field)
}

/// Weighted least squares with biweights, ten rounds; the ridge keeps terms
/// that the cells do not cover at 0.
pub(super) fn reweighted(design: &DMatrix<f64>, values: &[f64], spread_before: f64) -> Option<DVector<f64>> {
    const RIDGE: f64 = 1e-5;
    let mut spread_now = spread_before.max(1e-6);
    let mut solution = DVector::zeros(design.ncols());
    solution[0] = median(values);
    for _ in 0..10 {
        let fitted = design * &solution;
        let residuals: Vec<f64> = values.iter().zip(fitted.iter()).map(|(v, f)| v - f).collect();
        spread_now = spread_now.min(spread(&residuals, median(&residuals)).max(1e-6) * 1.5);
        let weights: Vec<f64> = residuals.iter().map(|r| biweight(*r, spread_now)).collect();
        let weighted = DMatrix::from_fn(design.nrows(), design.ncols(), |i, j| design[(i, j)] * weights[i]);
        let mut normal = weighted.transpose() * design;
        let total: f64 = weights.iter().sum();
        (1..normal.nrows()).for_each(|i| normal[(i, i)] += RIDGE * total);
        let right = weighted.transpose() * DVector::from_column_slice(values);
        solution = normal.cholesky()?.solve(&right);
    }
    Some(solution)
}

/// The box around the cells' positions.
fn seen(cells: &[Cell]) -> [f64; 4] {
    cells.iter().fold([1.0, 1.0, 0.0, 0.0], |[left, top, right, bottom], cell| {
        let [x, y] = cell.pair.position;
        [left.min(x), top.min(y), right.max(x), bottom.max(y)]
    })
}

/// Median ΔE2000 of the cells after the correction.
fn residual_colour(cells: &[Cell], field: Option<&ShadingField>, logs: [f64; 3]) -> f64 {
    let differences: Vec<f64> = cells
        .iter()
        .map(|cell| {
            let log_field = field.map_or(0.0, |field| field.log_at(cell.pair.position));
            let corrected = std::array::from_fn(|c| cell.pair.moving[c] * (logs[c] - log_field).exp() as f32);
            delta_e_2000(Lab::from_linear(cell.pair.reference), Lab::from_linear(corrected))
        })
        .collect();
    median(&differences)
}

fn too_few(used: usize, offered: usize) -> Warning {
    Warning::new(
        "too_little_reference_skin",
        format!(
            "only {used} of {offered} places show ordinary skin that is well exposed in both sessions, so that \
             the light of the sessions cannot be matched; include more untreated skin around the lesions"
        ),
    )
}

fn implausible(logs: [f64; 3]) -> Warning {
    let [r, g, b] = logs.map(f64::exp);
    Warning::new(
        "exposure_too_different",
        format!(
            "matching the sessions takes gains of {r:.2}, {g:.2} and {b:.2}, more than two stops; \
             photograph with the same exposure and white balance"
        ),
    )
}

#[cfg(test)]
mod tests;
