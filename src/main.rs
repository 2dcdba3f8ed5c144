//! The command line of `dermalapse`: parse, run, print.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
