//! The settings in the environment, which every program reads that asks for them.

use headwater_core::Conf;
use headwater_streaming::conf::STREAMING_KEYS;
use headwater_ui::logging::LOG_KEYS;
use headwater_ui::{EVENT_LOG_KEYS, UI_KEYS};

use super::report::Check;

const NAME: &str = "settings";

/// One line for all, or one for each mistake.
pub(super) fn check(conf: &Conf) -> Vec<Check> {
    let Err(error) = conf.validate(&[STREAMING_KEYS, UI_KEYS, LOG_KEYS, EVENT_LOG_KEYS]) else {
        let found = match conf.entries().len() {
            0 => "none in HEADWATER_* variables".to_owned(),
            count => format!("{count} in HEADWATER_* variables, all known and well formed"),
        };
        return vec![Check::ok(NAME, found)];
    };
    let mistakes = error.mistakes().iter();
    let mistake =
        |mistake: &_| Check::fail(NAME, format!("{mistake}"), "correct or unset the variable");
    mistakes.map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn each_mistake_has_a_line() {
        let conf = |variables: &[(&'static str, &'static str)]| {
            check(&Conf::new().with_env_from(variables.iter().copied()))
        };
        assert!(conf(&[])[0].found.starts_with("none"));
        let good = conf(&[("HEADWATER_UI__PORT", "4050"), ("HEADWATER_HOME", "/h")]);
        assert!(good[0].found.starts_with("1 in"), "{good:?}");
        let bad = conf(&[
            ("HEADWATER_STREAMING__BLOK_INTERVAL", "1s"),
            ("HEADWATER_EVENT_LOG__ENABELD", "true"),
            ("HEADWATER_LOG__LEVEL", "loud"),
        ]);
        assert_eq!(bad.len(), 3, "{bad:?}");
        assert!(bad.iter().all(|check| check.status == Status::Fail));
        assert!(bad[0].found.contains("EVENT_LOG__ENABLED"), "{bad:?}");
        assert!(bad[1].found.contains("`loud` is no level"), "{bad:?}");
        assert!(bad[2].found.contains("did you mean"), "{bad:?}");
    }
}
