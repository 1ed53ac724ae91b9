//! The checks and chores of this workspace: everything that is more than one cargo command.
//!
//! `cargo xtask tidy` runs every check in [`checks`]; each is also a sub-command of its own.
//! `cargo xtask examples` runs the built examples against real sockets.
//!
//! Reading order: [`finding`], [`tokens`], [`source`], [`workspace`], [`metadata`], then one
//! file per check below `checks/`.

mod checks;
mod error;
mod examples;
mod finding;
mod metadata;
mod source;
mod tokens;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use checks::{Check, Subject};
use error::Error;
use metadata::Metadata;
use workspace::Workspace;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => help(),
        [command] => run(command),
        [_, extra, ..] => Err(Error::Usage {
            word: extra.clone(),
        }),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &str) -> Result<ExitCode, Error> {
    match command {
        "help" | "--help" | "-h" => help(),
        "tidy" => tidy(checks::ALL),
        "examples" => {
            examples::run(&root(), &Metadata::load(&root())?.target_directory)?;
            Ok(ExitCode::SUCCESS)
        }
        name => match checks::ALL.iter().find(|check| check.name == name) {
            Some(check) => tidy(std::slice::from_ref(check)),
            None => Err(Error::Usage {
                word: name.to_owned(),
            }),
        },
    }
}

/// Runs the given checks over the workspace and prints what they found.
fn tidy(checks: &[Check]) -> Result<ExitCode, Error> {
    let root = root();
    let subject = Subject {
        workspace: Workspace::load(&root)?,
        metadata: Metadata::load(&root)?,
    };
    let mut findings = subject.workspace.unreadable.clone();
    for check in checks {
        let outcome = (check.run)(&subject);
        for line in &outcome.report {
            println!("{line}");
        }
        findings.extend(outcome.findings);
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} checks, no findings", checks.len());
            Ok(ExitCode::SUCCESS)
        }
        count => {
            println!("tidy: {count} findings");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn help() -> Result<ExitCode, Error> {
    println!("cargo xtask <command>\n");
    println!(
        "  {:<10} run all checks below; exit with 1 when one finds something",
        "tidy"
    );
    for check in checks::ALL {
        println!("  {:<10} {}", check.name, check.about);
    }
    println!(
        "  {:<10} run the release build of the examples and look at what they print",
        "examples"
    );
    println!("  {:<10} print this text", "help");
    Ok(ExitCode::SUCCESS)
}

/// The workspace root: cargo sets this crate's own directory at compile time.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrows_of_this_workspace_point_down() {
        let subject = Subject {
            workspace: Workspace::load(&root()).unwrap(),
            metadata: Metadata::load(&root()).unwrap(),
        };
        let findings = checks::arrows::check(&subject).findings;
        assert!(findings.is_empty(), "{findings:#?}");
    }

    #[test]
    fn an_unknown_command_is_an_error_that_names_it() {
        let error = run("tydi").unwrap_err().to_string();
        assert!(
            error.contains("tydi") && error.contains("cargo xtask help"),
            "{error}"
        );
    }
}
