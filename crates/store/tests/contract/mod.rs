//! What every store has to do alike.

use std::io::{Read, Seek, SeekFrom, Write};

use headwater_store::{Child, Durability, Location, Staged, StoreError};

/// Runs everything below `top`, where nothing is yet.
pub(crate) fn check(top: &Location) {
    objects_are_put_and_read(&top.join("objects"));
    absent_means_absent(&top.join("absent"));
    listings_are_in_order(&top.join("listings"));
    prefixes_are_whole_names(&top.join("prefixes"));
    writers_show_nothing_before_the_end(&top.join("writers"));
    large_objects_come_back(&top.join("large"));
    odd_names_are_kept(&top.join("odd"));
    things_are_moved(&top.join("moved"));
    top.delete_all().unwrap();
    assert!(!top.exists().unwrap());
}

fn put(at: &Location, text: &str) {
    at.put(text.as_bytes(), Durability::Cached).unwrap();
}

fn names(top: &Location) -> Vec<String> {
    let skipped = top.to_string().len() + 1;
    let entries = top.list().unwrap();
    let name = |location: &Location| location.to_string()[skipped..].to_owned();
    entries.iter().map(|entry| name(&entry.location)).collect()
}

fn objects_are_put_and_read(top: &Location) {
    let object = top.join("object");
    let missing = object.get().unwrap_err();
    assert!(
        matches!(missing, StoreError::NotFound { .. }),
        "{missing:?}"
    );
    assert!(matches!(
        object.head().unwrap_err(),
        StoreError::NotFound { .. }
    ));
    assert!(matches!(
        object
            .open()
            .and_then(|mut r| r.read(&mut [0]).map_err(|e| *e
                .into_inner()
                .unwrap()
                .downcast()
                .unwrap())),
        Err(StoreError::NotFound { .. })
    ));
    put(&object, "abcdef");
    put(&object, "ABCDEFG");
    assert_eq!(object.get().unwrap(), b"ABCDEFG");
    assert_eq!(object.head().unwrap().bytes, 7);
    assert_eq!(object.get_range(2..4).unwrap(), b"CD");
    assert_eq!(object.get_range(5..100).unwrap(), b"FG");
    assert_eq!(object.get_range(100..100).unwrap(), b"");
    let outside = object.get_range(7..9).unwrap_err();
    assert!(
        matches!(
            outside,
            StoreError::OutOfRange {
                start: 7,
                bytes: 7,
                ..
            }
        ),
        "{outside:?}"
    );
    let mut reader = object.open().unwrap();
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), 4);
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "EFG");
    reader.seek(SeekFrom::Current(-7)).unwrap();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "EFGABCDEFG");
    assert!(reader.seek(SeekFrom::Current(-8)).is_err());
}

fn absent_means_absent(top: &Location) {
    let lock = top.join("lock");
    lock.put_if_absent(b"one", Durability::Cached).unwrap();
    let error = lock.put_if_absent(b"two", Durability::Cached).unwrap_err();
    assert!(
        matches!(error, StoreError::AlreadyExists { .. }),
        "{error:?}"
    );
    assert_eq!(lock.get().unwrap(), b"one");
    assert_eq!(names(top), ["lock"]);
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n: u8| {
                let race = top.join("race");
                scope.spawn(move || race.put_if_absent(&[n], Durability::Cached).is_ok())
            })
            .collect();
        let won = threads.into_iter().map(|thread| thread.join().unwrap());
        won.filter(|won| *won).count()
    });
    assert_eq!(won, 1);
}

fn listings_are_in_order(top: &Location) {
    assert!(top.list().unwrap().is_empty() && !top.exists().unwrap());
    for name in ["b/2", "b-1", "a", "b/1/x", "c"] {
        put(&top.join(name), name);
    }
    assert_eq!(names(top), ["a", "b-1", "b/1/x", "b/2", "c"]);
    assert_eq!(top.list().unwrap()[2].bytes, 5);
    let children = top.children().unwrap();
    let kinds: Vec<_> = children
        .iter()
        .map(|child| (child.location().name(), matches!(child, Child::File(_))))
        .collect();
    let expected = [("a", true), ("b", false), ("b-1", true), ("c", true)];
    assert_eq!(
        kinds,
        expected.map(|(name, is_file)| (name.into(), is_file))
    );
    assert!(top.join("b").exists().unwrap());
    assert!(top.join("b").head().is_err());
}

fn prefixes_are_whole_names(top: &Location) {
    put(&top.join("part/1"), "");
    put(&top.join("part-2/1"), "");
    put(&top.join("part-3"), "");
    assert_eq!(names(&top.join("part")), ["1"]);
    assert!(!top.join("par").exists().unwrap());
    top.join("part").delete_all().unwrap();
    assert_eq!(names(top), ["part-2/1", "part-3"]);
    top.join("part-3").delete_all().unwrap();
    top.join("nothing").delete_all().unwrap();
    top.join("nothing").delete().unwrap();
    assert_eq!(names(top), ["part-2/1"]);
}

fn writers_show_nothing_before_the_end(top: &Location) {
    let object = top.join("object");
    put(&object, "before");
    let mut given_up = object.create(Durability::Cached).unwrap();
    given_up.write_all(b"lost").unwrap();
    drop(given_up);
    let mut writer = object.create(Durability::Synced).unwrap();
    writer.write_all(b"after").unwrap();
    writer.flush().unwrap();
    assert_eq!(names(top), ["object"]);
    let staged = writer.stage().unwrap();
    assert_eq!(object.get().unwrap(), b"before");
    staged.publish().unwrap();
    assert_eq!(object.get().unwrap(), b"after");

    let temporaries = top.join("_temporary");
    temporaries.create_dir(Durability::Cached).unwrap();
    let staged = |name: &str, text: &str| {
        let temporary = temporaries.join(name);
        let writer = top
            .join(name)
            .create_through(&temporary, Durability::Cached);
        let mut writer = writer.unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.stage().unwrap()
    };
    let many = (0..11).map(|n| staged(&format!("many-{n:02}"), &"x".repeat(n)));
    let many: Vec<Staged> = many.collect();
    drop(staged("dropped", "never seen"));
    Staged::publish_all(many).unwrap();
    let sizes: Vec<u64> = top.list().unwrap().iter().map(|e| e.bytes).collect();
    assert_eq!(sizes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5]);
    // Only directories of a file system stay without what was in them.
    top.join("_temporary").delete_all().unwrap();
}

fn large_objects_come_back(top: &Location) {
    // Above two parts of an upload, and not a multiple of anything.
    let text: Vec<u8> = (0..17_000_003_u32).map(|n| (n / 251) as u8).collect();
    let object = top.join("object");
    let mut writer = object.create(Durability::Cached).unwrap();
    for piece in text.chunks(999_983) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(object.head().unwrap().bytes, text.len() as u64);
    let mut read = Vec::new();
    object.open().unwrap().read_to_end(&mut read).unwrap();
    assert!(read == text);
    let mut reader = object.open_sized(text.len() as u64).unwrap();
    let mut piece = [0; 100_000];
    for at in [16_900_003, 5, 8_388_600, 60_000, 65_530] {
        reader.seek(SeekFrom::Start(at as u64)).unwrap();
        reader.read_exact(&mut piece).unwrap();
        assert!(piece[..] == text[at..at + piece.len()], "at {at}");
    }
}

fn odd_names_are_kept(top: &Location) {
    let odd = ["a b%20+c", "caf\u{e9}", "k=v,[x]{y}", "~#&"];
    for name in odd {
        put(&top.join(name), name);
    }
    let mut sorted = odd.to_vec();
    sorted.sort_unstable();
    assert_eq!(names(top), sorted);
    for name in odd {
        assert_eq!(top.join(name).get().unwrap(), name.as_bytes());
    }
}

fn things_are_moved(top: &Location) {
    let (from, to) = (top.join("from"), top.join("deep/to"));
    put(&from, "text");
    put(&to, "old");
    from.copy_to(&to, Durability::Cached).unwrap();
    assert_eq!(to.get().unwrap(), b"text");
    let last = to.with_name("last");
    from.rename_to(&last, Durability::Synced).unwrap();
    assert_eq!(names(top), ["deep/last", "deep/to"]);
    let error = from.copy_to(&to, Durability::Cached).unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
    assert_eq!(to.get().unwrap(), b"text");
    let elsewhere = Location::at("memory://elsewhere/copy").unwrap();
    last.copy_to(&elsewhere, Durability::Cached).unwrap();
    assert_eq!(elsewhere.get().unwrap(), b"text");
}
