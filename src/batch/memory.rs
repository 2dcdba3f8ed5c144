//! How many series fit into memory at a time.

use std::sync::{Mutex, PoisonError};

use sysinfo::{MemoryRefreshKind, System};

use crate::metrics::maps::FINE_PX_PER_MM;
use crate::photo::Fingerprint;
use crate::source::SeriesSource;
use crate::units::FilterScale;

/// What a photo keeps in memory, per byte of its samples: the samples, its
/// skin, its light at one reduction and its keypoints.
const KEPT: f64 = 1.5;

/// What working on a photo takes besides, per cell of its fine level: planes
/// of light, density and relief.
const WORK: f64 = 60.0;

/// What a series takes whatever its photos, bytes.
const SERIES: u64 = 16 << 20;

/// Memory that series share.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    free: Mutex<u64>,
}

/// A part of the memory, given back when it is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total) }
    }

    /// Takes `bytes` if so many are free; a series that needs more than there
    /// is takes all, so that it runs alone.
    pub(super) fn take(&self, bytes: u64) -> Option<Share<'_>> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(bytes)?;
        Some(Share { budget: self, bytes })
    }

    pub(super) fn holds(&self, bytes: u64) -> bool {
        bytes <= self.total
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
    }
}

/// What a series takes at most, bytes, from its photos' headers: all samples
/// are kept, and as many photos as there are threads are worked on, each of
/// which is decoded first.
pub(super) fn needed(series: &SeriesSource, photos: &[Option<Fingerprint>], threads: usize) -> u64 {
    let kept: u64 = photos.iter().flatten().map(|photo| photo.decoded_bytes).sum();
    let work = |photo: &Fingerprint| {
        let (width, height) = photo.size;
        let scale = FilterScale::of(series.scale, width.max(1), height.max(1));
        let cell = scale.reduction_to(FINE_PX_PER_MM).max(1).pow(2);
        photo.decoded_bytes + (WORK * (width * height / cell) as f64) as u64
    };
    let mut worked: Vec<u64> = photos.iter().flatten().map(work).collect();
    worked.sort_unstable_by(|a, b| b.cmp(a));
    SERIES + (KEPT * kept as f64) as u64 + worked.iter().take(threads).sum::<u64>()
}

/// Three quarters of the memory that is free, bytes; what the system does
/// not tell is taken for 4 GiB.
pub fn most_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let group = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    let free = match system.available_memory().min(group) {
        0 => 4 << 30,
        free => free,
    };
    free / 4 * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_there_is_and_the_largest_alone() {
        let budget = Budget::new(100);
        let [first, second] = [60, 40].map(|bytes| budget.take(bytes));
        assert!(first.is_some() && second.is_some() && budget.take(1).is_none());
        drop(first);
        assert!(budget.take(61).is_none() && budget.take(400).is_none());
        drop(second);
        let all = budget.take(400);
        assert!(all.is_some() && budget.take(1).is_none());
    }

    #[test]
    fn a_machine_has_some_memory() {
        assert!(most_memory() > 16 << 20);
    }
}
