//! The binary `lode`: it does what its library says, and leaves with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lode_cli::main()
}
