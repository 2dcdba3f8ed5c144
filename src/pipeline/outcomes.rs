//! What became of the photos of a series.

use serde::{Deserialize, Serialize};

use crate::pipeline::member::Member;
use crate::report::run::{PhotoOutcome, PhotoStatus};
use crate::series::View;
use crate::source::{PhotoSource, SeriesSource, SessionSource};

/// What became of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesOutcome {
    /// What was measured; `None` if no photo could be.
    pub view: Option<View>,
    /// What became of each photo, by session and shot.
    pub photos: Vec<PhotoOutcome>,
}

/// What became of a photo that was read.
pub(super) fn outcome(source: &SeriesSource, member: &Member) -> PhotoOutcome {
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
pub(super) fn unreadable(
    source: &SeriesSource,
    session: usize,
    photo: &PhotoSource,
    reason: &str,
) -> PhotoOutcome {
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
pub(super) fn refused(
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
pub(super) fn rank(source: &SeriesSource, photo: &PhotoOutcome) -> (usize, u32) {
    let session = source.sessions.iter().position(|session| session.session == photo.session);
    (session.unwrap_or(usize::MAX), photo.shot)
}
