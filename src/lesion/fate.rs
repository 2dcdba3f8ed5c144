//! What became of a lesion by each session.

use crate::lesion::LesionStatus::{self, Merged, New, NotVisible, Present, Resolved, Split};
use crate::lesion::identity::Known;
use crate::lesion::sight::{Seen, Sight};

/// Standard errors that a dose must differ by to be another, or to be one at all.
const DIFFERENT: f64 = 1.96;

/// Share of its first dose that a lesion must keep to be there although it is
/// not detected; less is what the skin's own mottle leaves in its place.
const LEFT: f64 = 0.2;

/// The same for a lesion of which something is still detected: mottle and
/// pores may be what is detected.
const TRACE: f64 = 0.1;

/// How much larger a lesion must be than the ones it is made of, and how much
/// smaller the parts than the whole, for a merger or a split to be real and
/// not a saddle that noise has moved across a threshold.
const RESHAPED: f64 = 1.35;

/// What became of a lesion, session by session; `None` before it appeared.
pub fn statuses(lesion: &Known, seen: &[Option<Seen>]) -> Vec<Option<LesionStatus>> {
    let first = seen[lesion.first];
    let share = |seen: &Seen| {
        let dose = |seen: &Seen| seen.dose / seen.magnification;
        first.map_or(0.0, |first| dose(seen) / dose(&first))
    };
    let there = |session: usize, seen: &Seen| match lesion.spots[session].is_empty() {
        false => share(seen) > TRACE,
        true => share(seen) > LEFT && seen.dose > DIFFERENT * seen.dose_standard_error,
    };
    let before = |seen: &Seen| first.is_some_and(|first| grew(seen, &first));
    let appeared = seen[..lesion.first]
        .iter()
        .enumerate()
        .any(|(s, seen)| seen.is_some_and(|seen| !there(s, &seen) && before(&seen)));
    let status = |(session, seen): (usize, &Option<Seen>)| match seen {
        None => Some(NotVisible),
        Some(_) if session < lesion.first && appeared => None,
        Some(_) if session == lesion.first && appeared => Some(New),
        // What was never clearly absent has been there all along, if faintly.
        Some(_) if session < lesion.first => Some(Present),
        Some(seen) if there(session, seen) => Some(Present),
        Some(_) => Some(Resolved),
    };
    seen.iter().enumerate().map(status).collect()
}

/// Whether the dose is detectably more in `later` than in `earlier`.
fn grew(earlier: &Seen, later: &Seen) -> bool {
    let change = later.dose / later.magnification - earlier.dose / earlier.magnification;
    change > DIFFERENT * earlier.difference_standard_error.hypot(later.difference_standard_error)
}

/// Whether a lesion that is there has grown into one with another or has
/// come apart.
pub fn reshaping(sight: &Sight, known: &[Known], index: usize, session: usize) -> Option<LesionStatus> {
    let lesion = &known[index];
    let area = |spot: usize| sight.spots[spot].pixels.len() as f64 * (sight.level.factor as f64).powi(2);
    let before = |lesion: &Known| {
        lesion.first_cells as f64 * sight.magnification(lesion.centre, lesion.radius()) * lesion.cell_px2
    };
    match lesion.spots[session][..] {
        [spot] => {
            let members: Vec<&Known> =
                known.iter().filter(|other| other.spots[session].contains(&spot)).collect();
            let grown = area(spot) > RESHAPED * members.iter().map(|member| before(member)).sum::<f64>();
            (members.len() > 1 && grown).then_some(Merged)
        }
        [] => None,
        ref parts => {
            let left: f64 = parts.iter().map(|&spot| area(spot)).sum();
            (left * RESHAPED < before(lesion)).then_some(Split)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dose of a spot that was found in the first session only, and its standard error.
    fn seen(dose: f64, dose_standard_error: f64) -> Option<Seen> {
        Some(Seen {
            dose,
            dose_standard_error,
            difference_standard_error: 1.0,
            leaked: 0.0,
            contrast: None,
            area_px: None,
            centre: [0.0; 2],
            magnification: 1.0,
        })
    }

    #[test]
    fn what_is_not_found_and_cannot_be_told_from_nothing_is_resolved() {
        let lesion = Known {
            cells: vec![(0, 0)],
            first_cells: 1,
            cell_px2: 1.0,
            centre: [0.0; 2],
            first: 0,
            spots: vec![vec![0], vec![], vec![], vec![]],
        };
        // Of a first dose of 10: 4 is 2 standard errors of 2; 4 is 1.9 of 2.1; 1.9 is sure but less than a fifth.
        let sessions = [seen(10.0, 1.0), seen(4.0, 2.0), seen(4.0, 2.1), seen(1.9, 0.1)];
        assert_eq!(statuses(&lesion, &sessions), [Present, Present, Resolved, Resolved].map(Some));
    }
}
