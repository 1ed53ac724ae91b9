//! A real server that speaks S3, as `scripts/services` starts one.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod contract;

use std::io::Read;

use headwater_store::{Durability, Location, StoreError};

/// What `scripts/services env` says of a service; `None` where there is none and none is
/// required.
fn service(variable: &str) -> Option<String> {
    let said = std::env::var(variable).ok();
    if said.is_none() {
        let why = format!("{variable} is not set; run: eval \"$(scripts/services env)\"");
        let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{why}");
        eprintln!("skipped: {why}");
    }
    said
}

fn bucket() -> Option<Location> {
    service("TEST_S3_URL").map(|url| Location::at(url).unwrap())
}

#[test]
fn s3_keeps_the_contract() {
    let Some(bucket) = bucket() else { return };
    let top = bucket.join(&format!("contract-{}", std::process::id()));
    contract::check(&top);
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let Some(bucket) = bucket() else { return };
    let top = bucket.join(&format!("given-up-{}", std::process::id()));
    let staged = top
        .join("object")
        .create(Durability::Cached)
        .unwrap()
        .stage()
        .unwrap();
    drop(staged);
    assert!(!top.exists().unwrap());
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let Some(_) = bucket() else { return };
    let error = Location::at("s3://headwater-no-such-bucket/x")
        .unwrap()
        .get()
        .unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
}

#[test]
fn plain_http_is_read() {
    let Some(url) = service("TEST_HTTP_URL") else {
        return;
    };
    let object = Location::at(&url).unwrap();
    assert_eq!(object.to_string(), url);
    assert_eq!(object.get_range(3..5).unwrap(), b"be");
    let mut text = String::new();
    object.open().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "to be or not");
    let missing = object.with_name("missing").get().unwrap_err();
    assert!(
        matches!(missing, StoreError::NotFound { .. }),
        "{missing:?}"
    );
}
