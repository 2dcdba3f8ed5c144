//! Threads to compute on.
//!
//! Series do best on one thread each: handing the parts of a photo around
//! costs a tenth of the time. But the last ones of a run, and those that wait
//! for memory, would leave processors idle. So each series begins on one
//! thread, and whoever has nothing to do lends his own to a series in work.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, available_parallelism};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Runs `work` on `jobs` threads (0 is as many as there are processors).
///
/// # Errors
///
/// [`Error::OutOfRange`] if there cannot be so many threads.
pub fn in_pool<T: Send>(jobs: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    let pool = ThreadPoolBuilder::new().num_threads(jobs).build();
    let refused = |error| Error::OutOfRange {
        name: "jobs".into(),
        value: jobs.to_string(),
        range: format!("within what the system allows ({error})"),
    };
    Ok(pool.map_err(refused)?.install(work))
}

/// Threads that take works one after another and help each other.
pub(super) struct Threads {
    count: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// What threads know of each other.
#[derive(Default)]
pub(super) struct State {
    /// Threads that still find works to take.
    busy: usize,
    /// The works under way, each with its places for helpers.
    open: BTreeMap<usize, Vec<ThreadBuilder>>,
    begun: usize,
}

impl State {
    /// A place in the work that has the fewest helpers.
    fn place(&mut self) -> Option<ThreadBuilder> {
        self.open.values_mut().rev().max_by_key(|places| places.len())?.pop()
    }
}

/// A thread that still finds works to take, until it is dropped: also where it
/// falls over one, so that the others do not wait for it.
struct Busy<'a>(&'a Threads);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.busy -= 1);
    }
}

/// A work under way, by its number, until it is dropped.
struct Open<'a>(&'a Threads, usize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.change(|state| drop(state.open.remove(&self.1)));
    }
}

impl Threads {
    /// So many threads; 0 is as many as there are processors.
    pub(super) fn new(count: usize) -> Self {
        let count = if count == 0 { available_parallelism().map_or(1, usize::from) } else { count };
        Self { count, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Calls `take` on all threads, but no more than `most`, to take works until
    /// there are none; a thread that has returned helps the others.
    pub(super) fn each(&self, most: usize, take: impl Fn() + Sync) {
        let take = || {
            let busy = Busy(self);
            take();
            drop(busy);
            self.help_until(|state| (state.busy == 0).then_some(()));
        };
        std::thread::scope(|scope| {
            self.state().busy = 1;
            for _ in 1..self.count.min(most) {
                self.state().busy += 1;
                if Builder::new().spawn_scoped(scope, take).is_err() {
                    // A system that allows no more threads has these do it.
                    self.state().busy -= 1;
                    break;
                }
            }
            take();
        });
    }

    /// Runs `work` on one thread and those that help it; by itself where the
    /// system allows no more.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let mut places = Vec::new();
        let place = |thread: ThreadBuilder| {
            if thread.index() == 0 {
                return Builder::new().spawn(|| thread.run()).map(drop);
            }
            places.push(thread);
            Ok(())
        };
        let pool = ThreadPoolBuilder::new().num_threads(self.count).spawn_handler(place).build();
        let number = self.change(|state| {
            state.begun += 1;
            state.open.insert(state.begun, places);
            state.begun
        });
        let _open = Open(self, number);
        match &pool {
            Ok(pool) => pool.install(work),
            Err(_) => work(),
        }
    }

    /// Helps with works until there is a value; `value` is asked for again
    /// whenever a work ends.
    pub(super) fn help_until<T>(&self, value: impl Fn(&State) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(value) = value(&state) {
                return value;
            }
            if let Some(place) = state.place() {
                drop(state);
                place.run();
                state = self.state();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Changes the state and wakes those that wait for it to change. What they
    /// wait for besides must be done before, or they may sleep through it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use rayon::prelude::*;

    use super::*;

    /// How many threads took part in a work that has parts for `parts` of them,
    /// each of which waits for the others to come, but not for ever.
    fn together(parts: usize) -> usize {
        let (arrived, late) = (AtomicUsize::new(0), Instant::now() + Duration::from_secs(20));
        let part = |_| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < parts && Instant::now() < late {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::current().id()
        };
        let seen: HashSet<_> = (0..parts).into_par_iter().with_max_len(1).map(part).collect();
        seen.len()
    }

    #[test]
    fn threads_without_a_work_help_the_last_one() {
        let threads = Threads::new(3);
        let left = AtomicUsize::new(1);
        let most = AtomicUsize::new(0);
        threads.each(9, || {
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                most.fetch_max(threads.run(|| together(3)), Ordering::SeqCst);
            }
        });
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn works_are_done_once_each_and_by_no_more_threads_than_asked_for() {
        for count in [1, 2, 5] {
            let threads = Threads::new(count);
            let next = AtomicUsize::new(0);
            let (done, now, most) = (Mutex::new(Vec::new()), AtomicUsize::new(0), AtomicUsize::new(0));
            threads.each(40, || {
                loop {
                    let work = next.fetch_add(1, Ordering::SeqCst);
                    if work >= 40 {
                        break;
                    }
                    let part = |_| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_micros(200));
                        now.fetch_sub(1, Ordering::SeqCst);
                    };
                    threads.run(|| (0..8).into_par_iter().for_each(part));
                    done.lock().unwrap().push(work);
                }
            });
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, (0..40).collect::<Vec<_>>());
            assert!(most.into_inner() <= count);
        }
    }

    #[test]
    fn a_thread_that_falls_over_a_work_holds_nobody_up() {
        let threads = Threads::new(2);
        let next = AtomicUsize::new(0);
        let fallen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            threads.each(2, || assert_ne!(next.fetch_add(1, Ordering::SeqCst), 0, "falls over"));
        }));
        assert!(fallen.is_err());
        assert_eq!(next.into_inner(), 2);
    }

    #[test]
    fn whoever_waits_for_a_work_to_end_helps_it() {
        let threads = Threads::new(2);
        let (free, next) = (Mutex::new(true), AtomicUsize::new(0));
        let helped = Mutex::new(Vec::new());
        threads.each(2, || {
            while next.fetch_add(1, Ordering::SeqCst) < 2 {
                threads.help_until(|_| std::mem::take(&mut *free.lock().unwrap()).then_some(()));
                let seen = threads.run(|| {
                    let seen = together(2);
                    *free.lock().unwrap() = true;
                    seen
                });
                helped.lock().unwrap().push(seen);
            }
        });
        assert_eq!(helped.into_inner().unwrap(), [2, 2]);
    }
}
