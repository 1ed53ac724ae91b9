//! The sources of settings outside the program: files, environment and command line.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::entry::Origin;
use super::secret::shown;
use super::{Conf, ConfError};

/// What the names of environment variables with settings begin with.
pub const ENV_PREFIX: &str = "HEADWATER_";

/// Where the command line of Headwater finds its source tree: with the prefix, and no setting.
const HOME: &str = "HOME";

/// The environment variable that sets a key.
///
/// A dot becomes two underscores, one underscore stays one, and letters become large. Keys with
/// large letters or with two underscores in a row have no variable.
///
/// ```
/// use headwater_core::conf::env_name;
/// let name = env_name("streaming.block_interval");
/// assert_eq!(name, "HEADWATER_STREAMING__BLOCK_INTERVAL");
/// ```
pub fn env_name(key: &str) -> String {
    format!(
        "{ENV_PREFIX}{}",
        key.replace('.', "__").to_ascii_uppercase()
    )
}

/// The key that a variable sets, given what follows [`ENV_PREFIX`].
fn key_of_env(rest: &str) -> String {
    rest.replace("__", ".").to_ascii_lowercase()
}

impl Conf {
    /// Reads a TOML file. Tables become dotted keys, so that these say the same:
    ///
    /// ```toml
    /// task.max_failures = 3
    /// ```
    ///
    /// ```toml
    /// [task]
    /// max_failures = 3
    /// ```
    ///
    /// ```toml
    /// "task.max_failures" = "3"
    /// ```
    ///
    /// An array of plain values becomes their texts joined by commas. A file that cannot be read
    /// or is malformed is reported by [`Conf::validate`].
    ///
    /// ```
    /// use headwater_core::conf::{Conf, keys};
    /// let dir = tempfile::tempdir()?;
    /// let path = dir.path().join("app.toml");
    /// std::fs::write(&path, "master = 'local[2]'\n[task]\nmax_failures = 3\n")?;
    ///
    /// let conf = Conf::new().with_file(&path);
    /// conf.validate(&[])?;
    /// assert_eq!(conf.get(&keys::TASK_MAX_FAILURES)?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_file(mut self, path: impl AsRef<Path>) -> Conf {
        let path = path.as_ref();
        match fs::read_to_string(path) {
            Ok(text) => self.read_toml(path, &text),
            Err(error) => self.kept.push(ConfError::unreadable(path, error)),
        }
        self
    }

    fn read_toml(&mut self, path: &Path, text: &str) {
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let reason = toml_reason(text, &error);
                self.kept.push(ConfError::malformed_file(path, reason));
                return;
            }
        };
        let mut flat = Flat::default();
        flat.add_table("", table.get_ref());
        for reason in flat.mistakes {
            self.kept.push(ConfError::malformed_file(path, reason));
        }
        for (key, value) in flat.settings {
            self.put(key, value, Origin::File(path.to_owned()));
        }
    }

    /// Reads the environment variables of this process that begin with [`ENV_PREFIX`].
    ///
    /// Two underscores stand for a dot and case does not matter: see [`env_name`].
    /// `HEADWATER_STREAMING__BLOCK_INTERVAL=100ms` sets `streaming.block_interval`. Every variable
    /// with the prefix is taken for a setting, so that a misspelt one is reported; only
    /// `HEADWATER_HOME` is none.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().with_env();
    /// assert_eq!(conf.text("app.surely_not_set_here"), None);
    /// ```
    pub fn with_env(self) -> Conf {
        self.with_env_from(env::vars_os())
    }

    /// Reads variables that are handed in, like [`Conf::with_env`].
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().with_env_from([
    ///     ("HEADWATER_TASK__MAX_FAILURES", "3"),
    ///     ("HOME", "/root"),
    ///     ("HEADWATER_HOME", "/opt/headwater"),
    /// ]);
    /// assert_eq!(conf.text("task.max_failures"), Some("3"));
    /// assert_eq!(conf.entries().len(), 1);
    /// ```
    pub fn with_env_from<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Conf
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        for (name, value) in variables {
            // A name that is not Unicode can be no key's, wherever it begins.
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            let Some(rest) = name.strip_prefix(ENV_PREFIX).filter(|rest| *rest != HOME) else {
                continue;
            };
            match value.into().into_string() {
                Ok(value) => self.put(key_of_env(rest), value, Origin::Environment(name)),
                Err(_) => self
                    .kept
                    .push(ConfError::EnvironmentNotUnicode { variable: name }),
            }
        }
        self
    }

    /// Takes every `--conf key=value`, `--conf=key=value` and `-c key=value` out of the arguments
    /// and returns the others in their order.
    ///
    /// Of two values for one key the later wins. What follows `--` is left alone. One of these
    /// options without `key=value` is reported by [`Conf::validate`].
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let args = ["count", "--conf", "master=local[2]", "-c", "app.city=Ulm", "in.txt"];
    /// let (conf, rest) = Conf::new().with_args(args);
    /// assert_eq!(rest, ["count", "in.txt"]);
    /// assert_eq!(conf.text("app.city"), Some("Ulm"));
    /// ```
    pub fn with_args<A>(mut self, args: impl IntoIterator<Item = A>) -> (Conf, Vec<String>)
    where
        A: Into<String>,
    {
        let mut rest = Vec::new();
        let mut args = args.into_iter().map(Into::into);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--conf" => self.put_argument("--conf", args.next()),
                "-c" => self.put_argument("-c", args.next()),
                "--" => {
                    rest.push(arg);
                    rest.extend(args.by_ref());
                }
                other => match other.strip_prefix("--conf=") {
                    Some(pair) => self.put_argument("--conf", Some(pair.to_owned())),
                    None => rest.push(arg),
                },
            }
        }
        (self, rest)
    }

    fn put_argument(&mut self, option: &'static str, argument: Option<String>) {
        match argument.as_deref().and_then(|pair| pair.split_once('=')) {
            Some((key, value)) if !key.trim().is_empty() => {
                self.put(key.trim().to_owned(), value.to_owned(), Origin::CommandLine);
            }
            _ => {
                // What looks like a secret may be one, even without its `=`.
                let argument = argument.map(|text| shown(&text, &text).into_owned());
                self.kept.push(ConfError::Argument { option, argument });
            }
        }
    }
}

/// What is wrong with a TOML text, without quoting the line: it might hold a secret.
fn toml_reason(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before.map(|before| before.matches('\n').count() + 1) {
        Some(line) => format!("line {line}: {}", error.message().trim()),
        None => error.message().trim().to_owned(),
    }
}

/// The settings of a TOML file under their dotted keys.
#[derive(Default)]
struct Flat {
    settings: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Flat {
    fn add_table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let name = name.get_ref();
            let key = if prefix.is_empty() {
                name.to_string()
            } else {
                format!("{prefix}.{name}")
            };
            match value.get_ref() {
                DeValue::Table(table) => self.add_table(&key, table),
                DeValue::Array(values) => {
                    let texts = values.iter().map(|value| scalar(value.get_ref()));
                    match texts.collect::<Option<Vec<_>>>() {
                        Some(texts) => self.add(key, texts.join(",")),
                        None => self
                            .mistakes
                            .push(format!("`{key}` holds tables or arrays")),
                    }
                }
                value => self.add(key, scalar(value).unwrap_or_default()),
            }
        }
    }

    fn add(&mut self, key: String, value: String) {
        if self.settings.contains_key(&key) {
            // TOML takes `a.b` and `"a.b"` for two names, but here they are one key.
            self.mistakes.push(format!("`{key}` is set twice"));
        }
        self.settings.insert(key, value);
    }
}

/// The text of a plain value.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            // Keys take decimal numbers only, while TOML also has `0x10`.
            let decimal = i128::from_str_radix(number.as_str(), number.radix());
            Some(decimal.map_or_else(|_| number.to_string(), |decimal| decimal.to_string()))
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Conf {
        let mut conf = Conf::new();
        conf.read_toml(Path::new("app.toml"), text);
        conf
    }

    fn pairs(conf: &Conf) -> Vec<(&str, &str)> {
        conf.entries()
            .map(|entry| (entry.key, entry.value))
            .collect()
    }

    #[test]
    fn tables_dotted_and_quoted_keys_are_one() {
        let conf = read(
            "master = 'local'\n\"chunk.records\" = \"0064\"\nstreaming.unpersist = true\n\
             [task]\nmax_failures = 0x1_0\n[app.list]\nnames = ['a', 'b']\nshare = 0.5\n",
        );
        assert!(conf.kept.is_empty());
        assert_eq!(
            pairs(&conf),
            [
                ("app.list.names", "a,b"),
                ("app.list.share", "0.5"),
                ("chunk.records", "0064"),
                ("master", "local"),
                ("streaming.unpersist", "true"),
                ("task.max_failures", "16"),
            ],
        );
        assert_eq!(conf.origin("master"), &Origin::File("app.toml".into()));
    }

    #[test]
    fn a_malformed_file_is_kept_with_its_line_but_not_its_text() {
        let conf = read("master = 'local'\napp.password = hunter2\n");
        let error = conf.validate(&[]).unwrap_err().to_string();
        assert!(error.contains("app.toml is malformed: line 2:"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_key_twice_and_an_array_of_tables_are_mistakes() {
        let conf = read("a.b = 1\n\"a.b\" = 2\n");
        assert!(conf.kept[0].to_string().contains("`a.b` is set twice"));
        let conf = read("[[app.list]]\nx = 1\n");
        assert!(conf.kept[0].to_string().contains("`app.list` holds tables"));
    }

    #[test]
    fn an_unreadable_file_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let conf = Conf::new().with_file(dir.path().join("absent.toml"));
        let error = conf.validate(&[]).unwrap_err().to_string();
        assert!(
            error.contains("cannot read the configuration file"),
            "{error}"
        );
        assert!(error.contains("absent.toml"), "{error}");
    }

    #[test]
    fn variables_and_keys_are_each_other() {
        for key in ["master", "streaming.block_interval", "a.b_c.d_e"] {
            let name = env_name(key);
            assert_eq!(key_of_env(name.strip_prefix(ENV_PREFIX).unwrap()), key);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_is_reported() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let conf = Conf::new().with_env_from([("HEADWATER_MASTER", value)]);
        assert!(
            conf.validate(&[])
                .unwrap_err()
                .to_string()
                .contains("HEADWATER_MASTER")
        );
    }

    #[test]
    fn arguments_are_taken_and_the_others_stay_in_order() {
        let args = [
            "p",
            "--conf=a=1",
            "x",
            "-c",
            "b = 2=3",
            "--conf",
            "a=4",
            "--",
            "-c",
            "d=1",
            "--",
        ];
        let (conf, rest) = Conf::new().with_args(args);
        assert_eq!(rest, ["p", "x", "--", "-c", "d=1", "--"]);
        assert_eq!(pairs(&conf), [("a", "4"), ("b", " 2=3")]);
        assert_eq!(conf.origin("a"), &Origin::CommandLine);
    }

    #[test]
    fn an_option_without_pair_is_reported() {
        let (conf, rest) = Conf::new().with_args(["-c", "oops", "--conf==1", "x", "--conf"]);
        assert_eq!(rest, ["x"]);
        let messages: Vec<_> = conf.kept.iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 3);
        assert!(messages[0].ends_with("but got `oops`"), "{}", messages[0]);
        assert!(messages[1].ends_with("but got `=1`"), "{}", messages[1]);
        assert!(
            messages[2].ends_with("but nothing follows"),
            "{}",
            messages[2]
        );
    }
}
