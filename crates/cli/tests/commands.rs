//! The commands as processes, as somebody new would try them.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The command in a directory, with nothing set that would change what it does.
fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.args(arguments).current_dir(directory);
    command.env_remove("HEADWATER_HOME");
    command
}

fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    told(&command(directory, arguments).output().unwrap())
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_new_program_has_all_it_needs_and_replaces_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = run(dir.path(), &["new", "my-words"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("cd my-words") && out.contains("published version"),
        "{out}"
    );
    assert!(
        out.contains("finds no headwater") && out.contains("--path CHECKOUT"),
        "what to do if it is not published: {out}"
    );
    let made = dir.path().join("my-words");
    for file in [
        ".gitignore",
        "README.md",
        "src/lib.rs",
        "tests/word_counts.rs",
    ] {
        assert!(made.join(file).is_file(), "{file}");
    }
    let main = fs::read_to_string(made.join("src/main.rs")).unwrap();
    assert!(main.contains("use my_words::word_counts;"), "{main}");

    let (code, _, err) = run(dir.path(), &["new", "my-words"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("exists already"), "{err}");
    let (code, _, err) = run(dir.path(), &["new", "2fast"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("not with a letter"), "{err}");
    assert!(!dir.path().join("2fast").exists());
}

#[test]
fn a_new_program_finds_the_library() {
    let dir = tempfile::tempdir().unwrap();
    let root = here().ancestors().nth(2).unwrap();
    let manifest = |arguments: &[&str], name: &str| {
        let mut command = command(dir.path(), arguments);
        let output = command.env("HEADWATER_HOME", root).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(dir.path().join(name).join("Cargo.toml")).unwrap()
    };
    let library = root.join("crates/headwater");
    let path = format!("headwater = {{ path = \"{}\" }}", library.display());
    assert!(manifest(&["new", "by_variable"], "by_variable").contains(&path));
    let named = root.to_str().unwrap();
    assert!(manifest(&["new", "by_path", "--path", named], "by_path").contains(&path));
    let git = manifest(
        &["new", "by_git", "--git", "https://example.org/h"],
        "by_git",
    );
    assert!(git.contains("git = \"https://example.org/h\""), "{git}");
    let (code, _, err) = run(dir.path(), &["new", "wrong", "--path", "."]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("--path is") && err.contains("no source tree"),
        "{err}"
    );
    let named = manifest(&["new", "dir/deep", "--name", "other"], "dir/deep");
    assert!(named.contains("name = \"other\""), "{named}");
}

#[test]
fn examples_are_listed_within_a_checkout_alone() {
    let (code, out, _) = run(here(), &["run-example"]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("log_analyzer ") && out.contains("access logs"),
        "{out}"
    );
    let (code, _, err) = run(here(), &["run-example", "log_analyser"]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("no example `log_analyser`; there are "),
        "{err}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, _, err) = run(elsewhere.path(), &["run-example"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("set HEADWATER_HOME"), "{err}");
}

#[cfg(unix)]
#[test]
fn an_example_gets_its_arguments_and_says_how_to_exit() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let cargo = dir.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["run-example", "log_analyzer", "--rate", "5", "--help"];
    let output = command(here(), &arguments).env("CARGO", &cargo).output();
    let (code, out, err) = told(&output.unwrap());
    assert_eq!((code, err.as_str()), (Some(7), ""));
    assert!(out.starts_with("run --release --manifest-path "), "{out}");
    assert!(
        out.ends_with("--example log_analyzer -- --rate 5 --help\n"),
        "{out}"
    );
}

#[test]
fn the_doctor_tells_in_text_or_json_and_fails_for_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let doctor = |arguments: &[&str], port: &str| {
        let arguments = [&["doctor"], arguments].concat();
        let mut command = command(dir.path(), &arguments);
        // Any port: others may have what they like.
        told(&command.env("HEADWATER_UI__PORT", port).output().unwrap())
    };
    let (code, out, err) = doctor(&["--checkpoint", "kept", "--json"], "0");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["is_well"], true);
    let checks = report["checks"].as_array().unwrap().iter();
    let names: Vec<_> = checks
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    let expected = [
        "rust",
        "settings",
        "slots",
        "cpu limit",
        "memory",
        "open files",
        "port of the pages",
        "temporary files",
        "this directory",
        "checkpoint",
        "checkpoint disk",
        "checkpoint lock",
        "clock",
        "time zone",
    ];
    assert_eq!(names, expected);
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);

    let (code, out, _) = doctor(&[], "many");
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("fail  settings") && out.contains("HEADWATER_UI__PORT"),
        "{out}"
    );
    // Once, and not again where a port would be looked for.
    assert!(out.contains(" 1 failed"), "{out}");
}

#[test]
fn shells_get_their_scripts_and_readers_their_help() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = run(here(), &["completions", shell]);
        assert_eq!(code, Some(0), "{shell}");
        assert!(
            out.contains("run-example") && out.contains("inspect"),
            "{shell}"
        );
    }
    let (_, help, _) = run(here(), &["--help"]);
    assert!(
        help.contains("Examples:") && help.contains("headwater new"),
        "{help}"
    );
    for command in ["new", "run-example", "doctor", "completions"] {
        let (code, help, _) = run(here(), &[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(help.contains("headwater "), "{help}");
    }
}

/// The server of a `history` command, and the address that it has printed.
fn serving(command: &mut Command) -> (Child, String) {
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    lines.read_line(&mut said).unwrap();
    let (_, url) = said.split_once("http://").unwrap();
    (server, url.split('/').next().unwrap().to_owned())
}

#[test]
fn history_does_what_variables_say_unless_an_argument_says_otherwise() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().to_str().unwrap();
    let history = |arguments: &[&str]| {
        let mut command = command(logs.path(), &[&["history", dir], arguments].concat());
        command.env("HEADWATER_UI__HISTORY__PORT", "0");
        command.env("HEADWATER_UI__BIND", "over-there");
        command
    };
    let (code, _, err) = told(&history(&[]).output().unwrap());
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("`ui.bind` = `over-there`"), "{err}");
    let (mut server, address) = serving(&mut history(&["--bind", "127.0.0.1"]));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(!address.ends_with(":18080"), "any that is free: {address}");
}

#[test]
fn history_shows_what_is_logged_until_it_is_ended() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().to_str().unwrap();
    let (mut server, address) =
        serving(&mut command(logs.path(), &["history", dir, "--port", "0"]));
    let mut page = String::new();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    stream.read_to_string(&mut page).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(page.starts_with("HTTP/1.0 200"), "{page}");
    assert!(page.contains("Headwater"), "{page}");
}
