//! The commands, one file each, and what they have in common.

mod align;
mod analyze;
mod check;
mod common;
mod compare;
mod completions;
mod measure;
mod metrics;
mod phantom;
mod schema;
mod study;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dermalapse::error::Error;

/// What a command prints on stdout, and how it ended.
struct Output {
    text: String,
    end: End,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Done.
    Done,
    /// Nothing usable came out.
    Failed,
    /// Done, but a photo was unreadable, rejected or not comparable.
    Incomplete,
    /// Reports differ beyond tolerance.
    Different,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Done => Self::from(0),
            End::Failed => Self::from(1),
            End::Incomplete => Self::from(3),
            End::Different => Self::from(4),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  dermalapse analyze photos --out results
      photos/P001/2026-01-10/cheek_left.jpg
      photos/P001/2026-04-10/cheek_left.jpg  ->  results/P001/report.json
  dermalapse compare before.jpg after.jpg --px-per-mm 27.1
  dermalapse metrics

Exit codes:
  0  done
  1  failed: nothing usable came out
  2  usage
  3  done, but a photo was unreadable, rejected or not comparable
  4  check found differences beyond tolerance";

/// Measures how skin changes between photographs, with an error bar on every number.
///
/// Photographs stay on this machine. Not a medical device.
#[derive(Parser)]
#[command(version, after_long_help = EXAMPLES, after_help = "See --help for examples and exit codes.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Analyze(analyze::Analyze),
    Compare(compare::Compare),
    Measure(measure::Measure),
    Align(align::Align),
    Study(study::Study),
    Check(check::Check),
    Phantom(phantom::Phantom),
    Metrics(metrics::Metrics),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

/// Parses the arguments, runs the command and prints its result.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Analyze(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Measure(command) => command.run(),
        Command::Align(command) => command.run(),
        Command::Study(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Phantom(command) => command.run(),
        Command::Metrics(command) => Ok(command.run()),
        Command::Schema(command) => Ok(command.run()),
        Command::Completions(command) => Ok(command.run()),
    };
    match result.and_then(print) {
        Ok(end) => end.into(),
        Err(error) => {
            complain("error", &error);
            End::Failed.into()
        }
    }
}

/// Prints the result. A reader that has seen enough is no failure.
fn print(output: Output) -> Result<End, Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output.text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "stdout".into(), source })
        }
        _ => Ok(output.end),
    }
}

/// An error with its causes, on stderr.
fn complain(kind: &str, error: &Error) {
    note(&format!("{kind}: {}", error.chain().join("\n  caused by: ")));
}

/// A line on stderr. Nobody can be told when stderr itself fails.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
