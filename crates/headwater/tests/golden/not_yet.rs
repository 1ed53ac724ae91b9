//! The cases that no test runs, because an operation is missing.

/// The missing operation, and the cases that wait for it.
pub(crate) const NOT_YET: &[(&str, &[&str])] = &[
    (
        "reduce_by_key_and_window with an inverse function",
        &[
            "joinWithOwnWindow_04",
            "longRun_01",
            "longRun_02",
            "reduceByKeyAndWindowInverseFilter_01",
            "reduceByKeyAndWindowInverseFilter_02",
            "reduceByKeyAndWindowInverseFilter_04",
            "reduceByKeyAndWindowInverseFilter_07",
            "reduceByKeyAndWindowInverse_04",
            "reduceByKeyAndWindowInverse_05",
            "reduceByKeyAndWindowInverse_06",
            "refusal_03",
            "refusal_04",
            "refusal_11",
        ],
    ),
    (
        "reduce_by_window with an inverse function",
        &[
            "reduceByWindow_03",
            "reduceByWindow_04",
            "reduceByWindow_05",
        ],
    ),
    (
        "count_by_value_and_window",
        &["countByValueAndWindow_02", "countByValueAndWindow_03"],
    ),
    (
        "update_state_by_key",
        &[
            "chain_01",
            "chain_04",
            "refusal_14",
            "updateStateByKey_01",
            "updateStateByKey_02",
            "updateStateByKey_04",
            "updateStateByKey_06",
            "updateStateByKey_07",
        ],
    ),
    (
        "map_with_state",
        &[
            "mapWithState_02",
            "mapWithState_07",
            "mapWithState_08",
            "mapWithState_09",
            "mapWithState_10",
            "mapWithState_11",
            "mapWithState_12",
            "mapWithState_13",
            "mapWithState_15",
            "refusal_13",
        ],
    ),
    (
        "recovery from a checkpoint directory",
        &[
            "recovery_02",
            "recovery_03",
            "recovery_06",
            "recovery_07",
            "recovery_09",
            "recovery_10",
            "recovery_12",
            "recovery_14",
        ],
    ),
    (
        "save_as_text_files",
        &["saveAsTextFiles_01", "saveAsTextFiles_05"],
    ),
    (
        "text_file_stream",
        &[
            "textFileStream_04",
            "textFileStream_05",
            "textFileStream_06",
        ],
    ),
];

/// The cases that no test runs.
pub(crate) fn cases() -> impl Iterator<Item = &'static str> {
    NOT_YET.iter().flat_map(|(_, cases)| cases.iter().copied())
}
