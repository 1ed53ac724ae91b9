//! `headwater completions`: what shells need to complete the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::aot::{Shell, generate};

use crate::answer::Answer;
use crate::options::Arguments;

const INSTALLING: &str = "\
Where to put it:
  bash        headwater completions bash > ~/.local/share/bash-completion/completions/headwater
  zsh         headwater completions zsh > DIR/_headwater, with a DIR of $fpath
  fish        headwater completions fish > ~/.config/fish/completions/headwater.fish
  powershell  headwater completions powershell >> $PROFILE
  elvish      headwater completions elvish >> ~/.config/elvish/rc.elv";

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = INSTALLING)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(completions: &Completions) -> Answer {
    let mut script = Vec::new();
    generate(
        completions.shell,
        &mut Arguments::command(),
        "headwater",
        &mut script,
    );
    Answer::new(String::from_utf8_lossy(&script).into_owned())
}
