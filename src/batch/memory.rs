//! How many series fit into memory at a time.

use std::sync::{Condvar, Mutex, PoisonError};

use sysinfo::{MemoryRefreshKind, System};

use crate::metrics::maps::FINE_PX_PER_MM;
use crate::photo::Fingerprint;
use crate::source::SeriesSource;
use crate::units::FilterScale;

/// What a photo keeps in memory, per byte of its samples: the samples, its
/// skin and its keypoints.
const KEPT: f64 = 1.3;

/// What working on a photo takes besides, per cell of its fine level: planes
/// of light, density and relief.
const WORK: f64 = 60.0;

/// What a series takes whatever its photos, bytes.
const SERIES: u64 = 16 << 20;

/// Memory that series share: each waits until there is enough for it.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// A part of the memory, given back when it is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free and takes them; a series that needs more
    /// than there is takes all, so that it runs alone.
    pub(super) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.freed.wait_while(free, |free| *free < bytes).unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        Share { budget: self, bytes }
    }

    pub(super) fn holds(&self, bytes: u64) -> bool {
        bytes <= self.total
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.freed.notify_all();
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn never_more_than_there_is_and_the_largest_alone() {
        let budget = Budget::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [60, 60, 30, 30, 10, 400, 1] {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    let share = budget.take(bytes);
                    most.fetch_max(
                        held.fetch_add(share.bytes, Ordering::SeqCst) + share.bytes,
                        Ordering::SeqCst,
                    );
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    held.fetch_sub(share.bytes, Ordering::SeqCst);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }

    #[test]
    fn a_machine_has_some_memory() {
        assert!(most_memory() > 16 << 20);
    }
}
