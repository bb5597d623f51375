//! Reads variables one by one and collects what is wrong with them, so that a person mends everything in one go.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::variables::VARIABLES;
use crate::secret::Secret;

/// The most that a `NAME_FILE` may hold, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

pub(super) struct Reader {
    values: BTreeMap<&'static str, String>,
    problems: Vec<String>,
}

impl Reader {
    /// Takes the `BLUECAST_*` variables out of an environment, files read.
    pub(super) fn new(environment: &BTreeMap<String, String>) -> Self {
        let mut reader = Self { values: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("BLUECAST_")) {
            reader.take_in(name, value, environment);
        }
        reader
    }

    fn take_in(&mut self, name: &str, value: &str, environment: &BTreeMap<String, String>) {
        if let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) {
            if !value.trim().is_empty() {
                self.values.insert(variable.name, value.trim().to_owned());
            }
            return;
        }
        let behind_file = name.strip_suffix("_FILE").and_then(|base| VARIABLES.iter().find(|variable| variable.name == base));
        let Some(variable) = behind_file else {
            self.problem(format!("{name} is no setting of Bluecast; env.example lists all of them"));
            return;
        };
        if value.trim().is_empty() {
            return;
        }
        if environment.get(variable.name).is_some_and(|direct| !direct.trim().is_empty()) {
            self.problem(format!("{} and {name} are both set; keep one of them", variable.name));
            return;
        }
        match read_file(value) {
            Ok(content) => {
                self.values.insert(variable.name, content);
            }
            Err(reason) => self.problem(format!("{name} names the file {value}, which cannot be used: {reason}")),
        }
    }

    pub(super) fn problem(&mut self, sentence: String) {
        self.problems.push(sentence);
    }

    pub(super) fn text(&self, name: &'static str) -> Option<&str> {
        debug_assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name} is missing in the table");
        self.values.get(name).map(String::as_str)
    }

    pub(super) fn secret(&self, name: &'static str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// A value made by `make`, which gives `None` where the text is not what `wanted` says. The text itself is repeated in no problem, since
    /// some settings are secret.
    pub(super) fn made<T>(&mut self, name: &'static str, wanted: &str, make: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = make(self.text(name)?);
        if value.is_none() {
            self.problem(format!("{name} must be {wanted}"));
        }
        value
    }

    /// A value by its `FromStr`.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        self.made(name, wanted, |text| text.parse().ok())
    }

    /// A comma-separated list; empty pieces are left out.
    pub(super) fn list<T>(&mut self, name: &'static str, wanted: &str, make: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        self.made(name, wanted, |text| text.split(',').map(str::trim).filter(|piece| !piece.is_empty()).map(make).collect())
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }
}

fn read_file(path: &str) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_LIMIT {
        return Err(format!("it is larger than {FILE_LIMIT} bytes"));
    }
    let content = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let content = content.trim();
    if content.is_empty() { Err("it is empty".to_owned()) } else { Ok(content.to_owned()) }
}
