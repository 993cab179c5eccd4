//! The binary `lode`: calls the library and exits with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lode_cli::main()
}
