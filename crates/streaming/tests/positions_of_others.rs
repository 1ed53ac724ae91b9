//! Inputs without names that would get the positions of other sources.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs::{self, File};
use std::path::Path;
use std::time::UNIX_EPOCH;

use headwater_streaming::StreamError;
use headwater_streaming::testing::LineServer;
use headwater_streaming::time::millis;
use probe::{Log, going_on};

/// A stream of the lines of servers, each with a name or none, until they are read; what it read.
fn life(
    dir: &Path,
    begun: usize,
    servers: &[(&LineServer, &str)],
    allowed: &str,
) -> Result<Vec<String>, StreamError> {
    let test = going_on(dir, begun, &[("streaming.checkpoint.allow", allowed)]);
    let seen = Log::new();
    for (server, name) in servers {
        let ssc = test.context();
        let mut lines = ssc.acknowledged_text_stream("127.0.0.1", server.port());
        if !name.is_empty() {
            lines = lines.named(*name);
        }
        let log = seen.clone();
        lines.foreach_rdd(move |rdd, _| {
            log.extend(rdd.map(|line| line.to_string()).collect()?);
            Ok::<_, headwater_core::Error>(())
        });
    }
    test.try_run(0)?;
    servers
        .iter()
        .for_each(|(server, _)| server.wait_until_safe(2));
    test.run(1);
    let mut lines = seen.entries();
    lines.sort();
    Ok(lines)
}

fn servers() -> (LineServer, LineServer) {
    let (one, other) = (LineServer::start().unwrap(), LineServer::start().unwrap());
    one.extend(["a", "b"]);
    other.extend(["c", "d"]);
    (one, other)
}

#[test]
fn servers_that_swap_places_are_refused_and_nothing_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = servers();
    let all = ["a", "b", "c", "d"];
    assert_eq!(
        life(dir.path(), 0, &[(&one, ""), (&other, "")], "").unwrap(),
        all
    );
    let error = life(dir.path(), 1, &[(&other, ""), (&one, "")], "").unwrap_err();
    let error = error.to_string();
    for said in [
        format!("2 lines of the server 127.0.0.1:{}", one.port()),
        format!("this one reads from 127.0.0.1:{}", other.port()),
        "allow rename:".to_owned(),
        "positions_of_others.rs".to_owned(),
    ] {
        assert!(error.contains(&said), "{said}: {error}");
    }
    // As they were, they go on, with nothing to read.
    assert!(
        life(dir.path(), 1, &[(&one, ""), (&other, "")], "")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn another_server_begins_anew_or_is_said_to_be_the_same() {
    let (one, other) = servers();
    let begun = || {
        let dir = tempfile::tempdir().unwrap();
        life(dir.path(), 0, &[(&one, "")], "").unwrap();
        dir
    };
    let dir = begun();
    let error = life(dir.path(), 1, &[(&other, "")], "")
        .unwrap_err()
        .to_string();
    let label = error.split("allow drop:").nth(1).unwrap();
    let label = label.split(" to begin anew").next().unwrap();
    let drop = format!("drop:{label}");
    assert_eq!(
        life(dir.path(), 1, &[(&other, "")], &drop).unwrap(),
        ["c", "d"]
    );
    // It is the position of this server now.
    assert!(life(dir.path(), 2, &[(&other, "")], "").unwrap().is_empty());
    let dir = begun();
    let rename = format!("rename:{label}=lines");
    let same = life(dir.path(), 1, &[(&other, "lines")], &rename).unwrap();
    assert!(same.is_empty());
    // From now on the name says it.
    assert!(
        life(dir.path(), 2, &[(&one, "lines")], "")
            .unwrap()
            .is_empty()
    );
}

/// Streams of the files of directories, each with a name or none; what a batch read.
fn of_files(
    dir: &Path,
    begun: usize,
    directories: &[(&str, &str)],
    allowed: &str,
) -> Result<Vec<String>, StreamError> {
    let test = going_on(dir, begun, &[("streaming.checkpoint.allow", allowed)]);
    let streams = directories.iter().map(|(directory, name)| {
        let lines = test.context().text_file_stream(directory);
        test.collect(&if name.is_empty() {
            lines
        } else {
            lines.named(*name)
        })
    });
    let streams: Vec<_> = streams.collect();
    test.try_run(1)?;
    let lines = streams.iter().flat_map(|lines| lines.batches().concat());
    Ok(lines.map(|line| line.to_string()).collect())
}

#[test]
fn directories_that_swap_places_are_refused_and_nothing_is_read_twice() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let watched = ["one", "other"].map(|name| {
        let path = files.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("f"), format!("{name}\n")).unwrap();
        let file = File::open(path.join("f")).unwrap();
        file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let [one, other] = watched.each_ref().map(String::as_str);
    let read = of_files(dir.path(), 0, &[(one, ""), (other, "")], "").unwrap();
    assert_eq!(read, ["one", "other"]);
    let error = of_files(dir.path(), 1, &[(other, ""), (one, "")], "").unwrap_err();
    let error = error.to_string();
    for said in [
        format!("watched {one}, and this one watches {other}"),
        format!("watched {other}, and this one watches {one}"),
        "allow rename:".to_owned(),
        "positions_of_others.rs".to_owned(),
    ] {
        assert!(error.contains(&said), "{said}: {error}");
    }
    let read = of_files(dir.path(), 1, &[(one, ""), (other, "")], "").unwrap();
    assert!(read.is_empty());
    // The same files at another place, under a name from now on.
    let label = error.split("allow drop:").nth(1).unwrap();
    let label = label.split(" to begin anew").next().unwrap();
    let moved = format!("{one}/");
    let rename = format!("rename:{label}=files");
    for (begun, allowed) in [(2, rename.as_str()), (3, "")] {
        let read = of_files(
            dir.path(),
            begun,
            &[(&moved, "files"), (other, "")],
            allowed,
        );
        assert!(read.unwrap().is_empty());
    }
}
