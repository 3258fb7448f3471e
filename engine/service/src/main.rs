//! The command `entrain`.

use std::process::ExitCode;

fn main() -> ExitCode {
    entrain::cli::main()
}
