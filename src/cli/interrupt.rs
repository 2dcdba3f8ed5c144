//! Ctrl-C: the files that are just appearing are finished, and no other is begun.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::Duration;

use dermalapse::error::Error;
use dermalapse::report::files::Gate;
use indicatif::ProgressBar;

use super::note;

/// The exit code that shells give a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// How long files that are just appearing may take. One that takes longer
/// (a slow network folder) stays aside, unfinished and unseen.
const PATIENCE: Duration = Duration::from_millis(1500);

/// From now on, Ctrl-C shuts the gate and ends the program; a second one
/// ends it at once. Either way no torn file is left.
pub fn on_ctrl_c(gate: &Arc<Gate>, bar: &ProgressBar) {
    let (gate, bar, again) = (Arc::clone(gate), bar.clone(), AtomicBool::new(false));
    let handler = move || {
        if again.swap(true, Ordering::SeqCst) {
            process::exit(INTERRUPTED);
        }
        let (gate, bar) = (Arc::clone(&gate), bar.clone());
        // Apart, so that a second Ctrl-C is heard while files are finished.
        thread::spawn(move || {
            let (done, finished) = mpsc::channel();
            thread::spawn(move || {
                gate.shut();
                let _ = done.send(());
            });
            let _ = finished.recv_timeout(PATIENCE);
            leave(&bar);
        });
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        note(&format!("warning: Ctrl-C will stop the run without a word ({error})"));
    }
}

/// Says how to go on and ends the program; whoever comes second waits for
/// the first to end it.
pub fn leave(bar: &ProgressBar) -> ! {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        bar.finish_and_clear();
        note(&Error::Interrupted.to_string());
        process::exit(INTERRUPTED);
    });
    unreachable!("the first to come ends the program");
}
