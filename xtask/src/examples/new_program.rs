//! The program that `headwater new` makes, as somebody new would try it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::Error;

const NAME: &str = "new";

/// Makes a program in an empty directory and runs its tests, against this source tree and with
/// the dependencies that are locked here.
pub(super) fn passes_its_tests(
    root: &Path,
    target_directory: &Path,
    scratch: &Path,
) -> Result<(), Error> {
    let program = scratch.join("new-words");
    let mut new = Command::new("cargo");
    new.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "headwater-cli",
        "--",
    ]);
    new.arg("new")
        .arg(&program)
        .arg("--path")
        .arg(root)
        .current_dir(root);
    run(&mut new)?;
    let copied = fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock"));
    copied.map_err(|error| failed(&error.to_string()))?;
    let mut test = Command::new("cargo");
    test.args(["test", "--quiet", "--offline"])
        .current_dir(&program);
    // What is compiled already need not be compiled again.
    test.env("CARGO_TARGET_DIR", target_directory);
    run(&mut test)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let output = command
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(&format!(
        "{command:?} ended with {}:\n{said}",
        output.status
    )))
}

fn failed(reason: &str) -> Error {
    let reason = reason.to_owned();
    Error::Example { name: NAME, reason }
}
