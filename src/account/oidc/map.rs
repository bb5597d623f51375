//! Which groups and roles somebody has here, by what their provider says of them. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a word of the provider stands for here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A group, by name.
    Group(String),
    /// A role, by name.
    Role(String),
}

/// Words of the provider, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMap(Vec<(String, Target)>);

impl GroupMap {
    /// Reads `WORD -> GROUP; WORD -> role:ROLE`. Words may hold commas and equals signs, as those of directories do.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let read = |entry: &str| {
            let (word, target) = entry.split_once("->").map(|(word, target)| (word.trim(), target.trim()))?;
            let (is_role, name) = target.strip_prefix("role:").map_or((false, target), |name| (true, name.trim()));
            let fits = !word.is_empty() && (1..=100).contains(&name.chars().count());
            let target = if is_role { Target::Role(name.to_owned()) } else { Target::Group(name.to_owned()) };
            fits.then(|| (word.to_owned(), target))
        };
        entries.map(read).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that any word stands for: what a login may change.
    pub fn all(&self) -> BTreeSet<&Target> {
        self.0.iter().map(|(_, target)| target).collect()
    }

    /// What these words stand for.
    pub fn of<'a>(&'a self, words: &[String]) -> BTreeSet<&'a Target> {
        self.0.iter().filter(|(word, _)| words.contains(word)).map(|(_, target)| target).collect()
    }
}

/// The words in a claim: a list of texts, or one text. `a.b` names what is within.
pub(super) fn words(claims: &serde_json::Map<String, Value>, claim: &str) -> Vec<String> {
    let found = claims.get(claim).or_else(|| {
        let mut parts = claim.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_stand_for_groups_and_roles() {
        let map = GroupMap::parse("live -> Lecture hall; CN=ops,OU=it -> role:Operators;\n live -> role:Viewers;").unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (hall, operators) = (Target::Group("Lecture hall".into()), Target::Role("Operators".into()));
        let viewers = Target::Role("Viewers".into());
        assert_eq!(map.of(&words(&["live"])), [&hall, &viewers].into());
        assert_eq!(map.of(&words(&["CN=ops,OU=it", "Live"])), [&operators].into());
        assert_eq!(map.all().len(), 3);
        assert!(GroupMap::parse("").unwrap().is_empty());
        for wrong in ["live", "live ->", "-> x", "live -> role:", "a -> b; c"] {
            assert_eq!(GroupMap::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn claims_are_lists_texts_or_within_something() {
        let claims = json!({"groups": ["a", 7, "b"], "one": "c", "realm_access": {"roles": ["d"]}, "x.y": "e"});
        let claims = claims.as_object().unwrap();
        let of = |claim: &str| words(claims, claim);
        assert_eq!(
            (of("groups"), of("one"), of("realm_access.roles"), of("x.y")),
            (vec!["a".into(), "b".into()], vec!["c".into()], vec!["d".into()], vec!["e".into()])
        );
        assert!(of("none").is_empty() && of("realm_access").is_empty() && of("one.more").is_empty());
    }
}
