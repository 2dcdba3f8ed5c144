//! What can go wrong, and what is merely worth saying.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that can fail in this crate.
///
/// A message names the file, what disagrees and what the photographer or the
/// operator can do. An *unreliable* result is not an error: it is a
/// [`Warning`]. A value that cannot exist is absent with a reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A photograph could not be decoded.
    #[error("cannot decode {path}: {reason}")]
    Decode {
        /// The photograph.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A photograph is larger than the decoding limits allow.
    #[error(
        "{path} claims {width} x {height} pixels, more than the limit of {limit_megapixels} megapixels; \
         scale it down or raise `limits.max_megapixels`"
    )]
    TooLarge {
        /// The photograph.
        path: PathBuf,
        /// Width it claims, pixels.
        width: u64,
        /// Height it claims, pixels.
        height: u64,
        /// The limit, megapixels.
        limit_megapixels: u32,
    },
    /// A manifest, region file, settings file or report does not say what it should.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What disagrees, and what to do.
        reason: String,
    },
    /// A number lies outside its range.
    #[error("{name} is {value}, but must lie {range}")]
    OutOfRange {
        /// Which number.
        name: String,
        /// What it is.
        value: String,
        /// Where it must lie.
        range: String,
    },
    /// Two planes that must agree in size do not.
    #[error("{what}: sizes {left:?} and {right:?} (rows, columns) disagree")]
    SizeMismatch {
        /// What was attempted.
        what: &'static str,
        /// The size of the first, rows and columns.
        left: (usize, usize),
        /// The size of the second, rows and columns.
        right: (usize, usize),
    },
    /// Another run is writing to the same folder.
    #[error("another run is writing to {path}; wait until it ends, or choose another folder")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The run was told to stop.
    #[error("interrupted; what was finished is kept, and the same command goes on from there")]
    Interrupted,
    /// There was nothing to work on.
    #[error("{what}; {advice}")]
    Empty {
        /// What was empty.
        what: String,
        /// What the operator can do.
        advice: String,
    },
}

impl Error {
    /// The message and those of its causes, one by one.
    pub fn chain(&self) -> Vec<String> {
        let mut messages = vec![self.to_string()];
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            messages.push(error.to_string());
            cause = error.source();
        }
        messages
    }

    /// The message and its causes on one line, with the name of a file
    /// instead of its path: for outputs, which must not tell where they were made.
    pub fn without_folders(&self) -> String {
        let text = self.chain().join(": ");
        let (Self::Read { path, .. }
        | Self::Write { path, .. }
        | Self::Decode { path, .. }
        | Self::TooLarge { path, .. }
        | Self::Malformed { path, .. }) = self
        else {
            return text;
        };
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        text.replace(&path.display().to_string(), &file)
    }
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that makes a result less reliable, as data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable identifier in `snake_case`, for scripts.
    pub code: String,
    /// What was seen, why it matters and what to do, for people.
    pub message: String,
}

impl Warning {
    /// A warning with a stable `code` and a `message` for people.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_names_the_file_and_not_its_folders() {
        let error = Error::Read {
            path: "/home/somebody/P001/cheek.jpg".into(),
            source: std::io::Error::other("it is gone"),
        };
        assert_eq!(error.chain(), ["cannot read /home/somebody/P001/cheek.jpg", "it is gone"]);
        assert_eq!(error.without_folders(), "cannot read cheek.jpg: it is gone");
    }
}
