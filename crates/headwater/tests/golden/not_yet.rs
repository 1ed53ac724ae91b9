//! The cases that no test runs, because an operation is missing.

/// The missing operation, and the cases that wait for it.
pub(crate) const NOT_YET: &[(&str, &[&str])] = &[(
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
)];

/// The cases that no test runs.
pub(crate) fn cases() -> impl Iterator<Item = &'static str> {
    NOT_YET.iter().flat_map(|(_, cases)| cases.iter().copied())
}
