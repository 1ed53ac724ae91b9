//! `headwater new`: a program to go on from.

mod name;
mod template;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::answer::Answer;
use crate::error::CliError;
use crate::workspace::Workspace;

use template::{Dependency, Program};

const EXAMPLES: &str = "\
Examples:
  headwater new wordcount
  headwater new wordcount --path ~/src/headwater
  headwater new projects/counter --name word-counter";

/// What program, and where it finds the library.
///
/// The program counts the words of lines that a TCP server sends, shows itself on web pages, and
/// has its stream in a function of its own with a test. It depends on the library by its path
/// where a source tree is known: that of --path, around the current directory, or that of
/// HEADWATER_HOME; otherwise on the published version that this command belongs to, and if that
/// is not published, on nothing that cargo finds: then name a source tree or a repository.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct New {
    /// The directory to make, which also names the program
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The program's name, if it is not that of the directory
    #[arg(long)]
    name: Option<String>,
    /// Depend on the library in this source tree of Headwater
    #[arg(long = "path", value_name = "DIR", conflicts_with = "git")]
    library: Option<PathBuf>,
    /// Depend on the library in this git repository
    #[arg(long, value_name = "URL")]
    git: Option<String>,
}

pub(crate) fn run(new: &New) -> Result<Answer, CliError> {
    let name = match &new.name {
        Some(name) => name.clone(),
        None => last_part(&new.path),
    };
    name::check(&name)?;
    let target = std::path::absolute(&new.path).map_err(CliError::io("find", &new.path))?;
    // A link to nowhere is something, too.
    if target.symlink_metadata().is_ok() {
        return Err(CliError::Exists {
            path: new.path.clone(),
        });
    }
    let program = Program {
        name,
        dependency: dependency(new)?,
        is_within_package: is_within_package(&target),
    };
    write(&target, &program)?;
    Ok(Answer::new(told(&new.path, &program)))
}

/// What the directory is called; nothing for a path such as `..`, which is refused as a name.
fn last_part(path: &Path) -> String {
    let part = path.file_name().unwrap_or_default();
    part.to_string_lossy().into_owned()
}

fn dependency(new: &New) -> Result<Dependency, CliError> {
    if let Some(url) = &new.git {
        return Ok(Dependency::Git(url.clone()));
    }
    let workspace = match &new.library {
        Some(path) => Some(Workspace::at("--path", path)?),
        None => {
            let from = std::env::current_dir().map_err(CliError::io("find", "."))?;
            Workspace::find(&from)?
        }
    };
    Ok(match workspace {
        Some(workspace) => Dependency::Path(workspace.library()),
        None => Dependency::Version(env!("CARGO_PKG_VERSION")),
    })
}

/// Whether cargo would take a directory for a part of what is above it.
fn is_within_package(target: &Path) -> bool {
    let above = target.ancestors().skip(1);
    above
        .map(|dir| dir.join("Cargo.toml"))
        .any(|manifest| manifest.is_file())
}

fn write(target: &Path, program: &Program) -> Result<(), CliError> {
    for (name, text) in program.files() {
        let file = target.join(name);
        let directory = file.parent().unwrap_or(target);
        fs::create_dir_all(directory).map_err(CliError::io("make", directory))?;
        fs::write(&file, text).map_err(CliError::io("write", &file))?;
    }
    Ok(())
}

fn told(
    path: &Path,
    Program {
        name, dependency, ..
    }: &Program,
) -> String {
    format!(
        "made the program `{name}`; it depends on {dependency}\n\n\
         cd {}\n\
         cargo test    runs its tests\n\
         cargo run     counts the words that `nc -lk 9999` sends from another terminal\n{}",
        path.display(),
        dependency.advice()
    )
}
