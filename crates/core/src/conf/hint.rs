//! Advice about keys that nobody knows.

use super::entry::Origin;
use super::sources::env_name;
use super::validate::{Known, LAYER_NAMESPACES, namespace};

/// What to do about an unknown key: the key that was probably meant, and what that accepts.
pub(super) fn advice(known: &Known<'_>, key: &str, origin: &Origin) -> String {
    let Some(meant) = probably_meant(known, key) else {
        let without_spark = "this setting of Spark has no counterpart here: remove it";
        let otherwise = "remove it, or put it under `app.` if it is your program's own";
        return if key.starts_with("spark.") {
            without_spark
        } else {
            otherwise
        }
        .to_owned();
    };
    // A user of variables wants to read the name of the variable.
    let written = match origin {
        Origin::Environment(_) => format!("{} (the key `{meant}`)", env_name(&meant)),
        _ => format!("`{meant}`"),
    };
    match known.find(&meant) {
        Some(info) => format!("did you mean {written}? It accepts {}", info.accepted()),
        None => format!("did you mean {written}?"),
    }
}

/// How many edits a misspelt key of Spark may need.
const SPARK_EDITS_MAX: usize = 2;

fn probably_meant(known: &Known<'_>, key: &str) -> Option<String> {
    if let Some(info) = known.keys().find(|info| info.has_spark_name(key)) {
        return Some(info.name().to_owned());
    }
    let ours = in_our_spelling(key);
    if ours != key && (known.find(&ours).is_some() || known.is_free(&ours)) {
        return Some(ours);
    }
    let edits_max = match key.starts_with("spark.") {
        // Keys of Spark are rarely misspelt and often have no counterpart: their neighbours are
        // not meant.
        true => SPARK_EDITS_MAX,
        false => edits_max(&ours),
    };
    by_last_segments(known, &ours)
        .or_else(|| {
            nearest(known.keys().map(|info| info.name()), &ours, edits_max).map(str::to_owned)
        })
        .or_else(|| with_near_namespace(known, &ours))
}

/// Spark's spelling turned into ours: `spark.streaming.blockInterval` into
/// `streaming.block_interval`.
fn in_our_spelling(key: &str) -> String {
    let mut ours = String::with_capacity(key.len() + 4);
    let mut after_small = false;
    for c in key.strip_prefix("spark.").unwrap_or(key).chars() {
        if c == '-' {
            ours.push('_');
        } else {
            if c.is_ascii_uppercase() && after_small {
                ours.push('_');
            }
            ours.push(c.to_ascii_lowercase());
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    ours
}

/// The only known key that ends in the given segments: the namespace was left out.
fn by_last_segments(known: &Known<'_>, key: &str) -> Option<String> {
    let has_ending = |name: &str| {
        name.strip_suffix(key)
            .is_some_and(|before| before.ends_with('.'))
    };
    let mut ending = known
        .keys()
        .map(|info| info.name())
        .filter(|name| has_ending(name));
    let first = ending.next()?;
    // The same key may be in two lists.
    ending.all(|name| name == first).then(|| first.to_owned())
}

/// The key under the layer whose name is nearly its first segment.
fn with_near_namespace(known: &Known<'_>, key: &str) -> Option<String> {
    let first = namespace(key);
    let layer = nearest(LAYER_NAMESPACES.iter().copied(), first, edits_max(first))?;
    let meant = format!("{layer}{}", key.get(first.len()..)?);
    known.is_free(&meant).then_some(meant)
}

/// How many edits are few for the length of a text.
fn edits_max(text: &str) -> usize {
    (text.chars().count() / 4).max(1)
}

/// The candidate with the fewest edits, if they are not more than so many.
fn nearest<'a>(
    candidates: impl Iterator<Item = &'a str>,
    text: &str,
    edits_max: usize,
) -> Option<&'a str> {
    candidates
        .map(|candidate| (edits(candidate, text), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many insertions, deletions, replacements and swaps of neighbours turn one text into the
/// other.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    // Row i holds the edits from the first i characters of `left` to each beginning of `right`.
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=right.len()).collect()];
    for i in 0..left.len() {
        rows.rotate_left(1);
        let [before, last, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        for j in 0..right.len() {
            let replaced = last[j] + usize::from(left[i] != right[j]);
            let mut fewest = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j];
            if swapped {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
    }
    rows[2][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Conf, Key, KeyInfo};
    use proptest::prelude::*;

    const LAYER: &[KeyInfo] = &[
        Key::<u32>::new("streaming.block_interval", "").info(),
        Key::<u32>::new("streaming.journal.retries", "")
            .spark_names(&["spark.streaming.receiver.writeAheadLog.maxFailures"])
            .info(),
    ];

    fn report(conf: Conf, lists: &[&[KeyInfo]]) -> String {
        conf.validate(lists).unwrap_err().to_string()
    }

    #[test]
    fn the_key_that_was_meant() {
        for (written, meant) in [
            ("spark.streaming.blockInterval", "streaming.block_interval"),
            ("streaming.blockInterval", "streaming.block_interval"),
            ("spark.streaming.blokInterval", "streaming.block_interval"),
            ("block_interval", "streaming.block_interval"),
            ("streaming-block-interval", "streaming.block_interval"),
            (
                "spark.streaming.receiver.writeAheadLog.maxFailures",
                "streaming.journal.retries",
            ),
            ("spark.master", "master"),
            ("matser", "master"),
            ("spark.app.name", "app.name"),
            ("spark.app.mine", "app.mine"),
            ("spark.task.maxFailures", "task.max_failures"),
            ("spark.rdd.limit.scaleUpFactor", "rdd.limit.scale_up_factor"),
            (
                "spark.scheduler.listenerbus.eventqueue.capacity",
                "listener_bus.queue.capacity",
            ),
            ("spark.default.parallelism", "default.parallelism"),
            ("parallelism", "default.parallelism"),
            ("spark.ui.port", "ui.port"),
            ("metricss.period", "metrics.period"),
        ] {
            let report = report(Conf::new().set(written, "x"), &[LAYER]);
            let wanted = format!("did you mean `{meant}`?");
            assert!(report.contains(&wanted), "{written}: {report}");
        }
    }

    #[test]
    fn spark_names_are_mapped_without_the_list_of_the_layer() {
        let report = report(Conf::new().set("spark.streaming.blockInterval", "1s"), &[]);
        assert!(
            report.ends_with("did you mean `streaming.block_interval`?"),
            "{report}"
        );
    }

    #[test]
    fn without_a_near_key_the_advice_is_to_remove_it() {
        assert!(report(Conf::new().set("zebra.stripes", 4), &[]).contains("under `app.`"));
        for key in [
            "spark.yarn.queue",
            "spark.streaming.receiver.writeAheadLog.maxFailure.class",
            "spark.streaming.blockQueueSize",
        ] {
            let report = report(Conf::new().set(key, "q"), &[LAYER]);
            assert!(report.contains("no counterpart here"), "{key}: {report}");
        }
    }

    #[test]
    fn a_variable_is_answered_by_a_variable() {
        let conf = Conf::new().with_env_from([("HEADWATER_STREAMING_BLOCK_INTERVAL", "1s")]);
        let report = report(conf, &[LAYER]);
        assert!(
            report.contains("mean HEADWATER_STREAMING__BLOCK_INTERVAL (the key"),
            "{report}"
        );
    }

    #[test]
    fn edits_are_counted() {
        for (left, right, count) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
            ("é", "e", 1),
        ] {
            assert_eq!(edits(left, right), count, "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn edits_are_a_measure(left in "[ab.]{0,8}", right in "[ab.]{0,8}") {
            let count = edits(&left, &right);
            prop_assert_eq!(count, edits(&right, &left));
            prop_assert_eq!(count == 0, left == right);
            prop_assert!(count >= left.len().abs_diff(right.len()));
            prop_assert!(count <= left.len().max(right.len()));
        }
    }
}
