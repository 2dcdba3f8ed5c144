//! `dermalapse completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, End, Output};

/// Print completions for a shell
#[derive(Args)]
#[command(
    after_long_help = "Example:\n  dermalapse completions bash > ~/.local/share/bash-completion/completions/dermalapse"
)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Output {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
        Output { text: String::from_utf8_lossy(&script).into_owned(), end: End::Done }
    }
}
