//! Origins from a file: made and kept as it says at every start.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use url::Url;

use super::fields::OriginFields;
use super::routes::put;
use super::store::{self, Edge, Origin};
use crate::account::{Caller, Kind, group};
use crate::http::Problem;
use crate::moment::now_ms;
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError};

/// Largest file that is read, in bytes.
const FILE_LIMIT: u64 = 256 * 1024;
/// Origins that a file may hold.
const ORIGINS: usize = 256;
/// How often it is tried while others write the same.
const TRIES: usize = 3;
const TAKEN: &str = "another process makes it at the same time";

/// Why a file of origins cannot be used. No variant shows a value, which may be a token.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The file cannot be read.
    #[error("the file of origins {path} cannot be read: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no TOML.
    #[error("the file of origins {path} is no TOML: line {line}: {reason}")]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A variable is not set.
    #[error("the file of origins {path} uses ${{{name}}}, which is not in the environment")]
    Variable {
        /// Which.
        path: PathBuf,
        /// The variable.
        name: String,
    },
    /// An origin is not what it must be.
    #[error("the file of origins {path}: {origin}: {reason}")]
    Origin {
        /// Which.
        path: PathBuf,
        /// Its name, or its place.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A kept token cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Makes the origins of the file `path` so, by their names, all or none; others are left alone. `${NAME}` is taken from `variable`. Says how
/// many were made or changed.
pub async fn provision(
    store: &Store,
    vault: &Vault,
    path: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<usize, ProvisionError> {
    let text = read(path).await?;
    let wanted = origins(path, &text, &variable)?;
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match apply(store, vault, path, &wanted).await {
            // Another process that starts at the same time has made one of them in between.
            Err(ProvisionError::Origin { reason, .. }) if reason == TAKEN && tries > 0 => {}
            result => return result,
        }
    }
}

async fn apply(store: &Store, vault: &Vault, path: &Path, wanted: &[(String, Json)]) -> Result<usize, ProvisionError> {
    let caller = Caller { user_name: "settings".to_owned(), ..Caller::command_line() };
    let mut tx = store.begin().await?;
    let mut changed = 0;
    for (name, fields) in wanted {
        let wrong = |reason: String| ProvisionError::Origin { path: path.to_owned(), origin: format!("“{name}”"), reason };
        let fields = self::fields(fields).map_err(wrong)?;
        let before = store::named(&mut tx, name).await?;
        let edges_before = match &before {
            Some(before) => store::edges_in(&mut tx, &before.id).await?,
            None => Vec::new(),
        };
        // The file is all that is said of the origin: what it leaves out is not there.
        let mut origin = Origin::new(name.clone(), fields.app.clone().unwrap_or_default(), now_ms());
        if let Some(before) = &before {
            (origin.id, origin.created_ms) = (before.id.clone(), before.created_ms);
        }
        let mut edges: Vec<Edge> = edges_before.iter().map(Edge::bare).collect();
        let gone = !fields.has_edges();
        let groups = fields.groups.clone();
        fields.apply(&mut origin, &mut edges, vault).map_err(|problem| wrong(problem.detail))?;
        if gone {
            edges.clear();
        }
        edges.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(groups) = &groups {
            let given = group::give(&mut tx, &caller, Kind::Origin, &origin.id, Some(groups), before.is_none()).await;
            given.map_err(|problem| wrong(problem.detail))?;
        }
        if let Some(before) = &before
            && said(before, &edges_before, vault)? == said(&origin, &edges, vault)?
        {
            continue;
        }
        let action = if before.is_some() { "origin.change" } else { "origin.create" };
        let taken = |problem: Problem| wrong(if problem.code == "name_taken" { TAKEN.to_owned() } else { problem.detail });
        put(&mut tx, &caller, action, &origin, &edges).await.map_err(taken)?;
        changed += 1;
    }
    tx.commit().await?;
    Ok(changed)
}

async fn read(path: &Path) -> Result<String, ProvisionError> {
    let wrong = |reason: String| ProvisionError::File { path: path.to_owned(), reason };
    let size = tokio::fs::metadata(path).await.map_err(|error| wrong(error.to_string()))?.len();
    if size > FILE_LIMIT {
        return Err(wrong(format!("it is larger than {FILE_LIMIT} bytes")));
    }
    tokio::fs::read_to_string(path).await.map_err(|error| wrong(error.to_string()))
}

/// The origins of a file by their names, in the form in which the API takes them.
fn origins(path: &Path, text: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<Vec<(String, Json)>, ProvisionError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        ProvisionError::Toml { path: path.to_owned(), line, reason: error.message().to_owned() }
    })?;
    let mut all = serde_json::to_value(table).unwrap_or_default();
    fill(&mut all, variable).map_err(|name| ProvisionError::Variable { path: path.to_owned(), name })?;
    let whole = |reason: &str| ProvisionError::Origin { path: path.to_owned(), origin: "the whole".to_owned(), reason: reason.to_owned() };
    let other = all.as_object().into_iter().flatten().find(|(name, _)| *name != "origin").map(|(name, _)| name.clone());
    if let Some(other) = other {
        return Err(whole(&format!("it holds `{other}` beside [[origin]]")));
    }
    let items = match all["origin"].take() {
        Json::Null => Vec::new(),
        Json::Array(items) if items.len() <= ORIGINS => items,
        Json::Array(_) => return Err(whole(&format!("it holds more than {ORIGINS} origins"))),
        _ => return Err(whole("origins are written as [[origin]]")),
    };
    let mut found: Vec<(String, Json)> = Vec::new();
    for (index, mut item) in items.into_iter().enumerate() {
        let wrong = |reason: &str| ProvisionError::Origin {
            path: path.to_owned(),
            origin: format!("the origin no. {}", index + 1),
            reason: reason.to_owned(),
        };
        let name =
            item["name"].as_str().map(str::trim).filter(|name| !name.is_empty()).ok_or_else(|| wrong("it has no `name`"))?.to_owned();
        if item["app"].as_str().is_none() {
            return Err(wrong("it has no `app`"));
        }
        if found.iter().any(|(other, _)| other.to_lowercase() == name.to_lowercase()) {
            return Err(wrong("another one has the same name"));
        }
        edges(&mut item).map_err(wrong)?;
        found.push((name, item));
    }
    Ok(found)
}

/// Puts `edges = ["http://…"]` and `[[origin.edge]]` into one list; what has no token has the origin's.
fn edges(origin: &mut Json) -> Result<(), &'static str> {
    let token = origin["api_token"].clone();
    let fields = origin.as_object_mut().ok_or("it is no table")?;
    let mut all = Vec::new();
    for list in ["edges", "edge"].into_iter().filter_map(|name| fields.remove(name)) {
        let Json::Array(items) = list else { return Err("edges are written as edges = [\"http://…\"] or [[origin.edge]]") };
        for item in items {
            all.push(match item {
                Json::String(url) => {
                    let parsed = Url::parse(&url).map_err(|_| "an edge's address is none")?;
                    json!({ "name": crate::reach::http::host(&parsed), "api_url": url })
                }
                item => item,
            });
        }
    }
    for edge in all.iter_mut().filter_map(Json::as_object_mut) {
        if !token.is_null() && !edge.contains_key("api_token") {
            edge.insert("api_token".to_owned(), token.clone());
        }
    }
    if !all.is_empty() {
        fields.insert("edges".to_owned(), Json::Array(all));
    }
    Ok(())
}

fn fields(origin: &Json) -> Result<OriginFields, String> {
    crate::http::json::parse(origin.to_string().as_bytes()).map_err(|problem| match (problem.code, problem.field) {
        // The text of the refusal may hold the value.
        ("invalid_field", Some(field)) => format!("`{field}` is not of the right kind"),
        ("invalid_field", None) => "it is not of the right kind".to_owned(),
        _ => problem.detail,
    })
}

/// Fills `${NAME}` in every text; gives the name that is not there.
fn fill(value: &mut Json, variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    match value {
        Json::String(text) => {
            let mut filled = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("${") {
                let (name, after) = after.split_once('}').ok_or_else(|| "…".to_owned())?;
                filled.push_str(before);
                filled
                    .push_str(&variable(name).filter(|value| !value.is_empty()).ok_or_else(|| name.chars().take(64).collect::<String>())?);
                rest = after;
            }
            filled.push_str(rest);
            *text = filled;
            Ok(())
        }
        Json::Array(items) => items.iter_mut().try_for_each(|item| fill(item, variable)),
        Json::Object(fields) => fields.values_mut().try_for_each(|field| fill(field, variable)),
        _ => Ok(()),
    }
}

/// All that is said of an origin, tokens open, to be compared.
fn said(origin: &Origin, edges: &[Edge], vault: &Vault) -> Result<Vec<Option<Secret>>, VaultError> {
    let open = |text: &Option<String>| text.as_deref().map(Secret::new);
    let mut all = vec![Some(Secret::new(&origin.name)), Some(Secret::new(&origin.app)), Some(Secret::new(&origin.vhost))];
    all.extend([&origin.whip_url, &origin.rtmp_url, &origin.srt_url, &origin.api_url].map(open));
    all.extend([&origin.playback_webrtc, &origin.playback_llhls].map(open));
    all.push(origin.api_token(vault)?);
    for edge in edges {
        all.extend([Some(Secret::new(&edge.name)), Some(Secret::new(&edge.api_url)), edge.api_token(vault)?]);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Json)>, ProvisionError> {
        let variable = |name: &str| (name == "TOKEN").then(|| "kl\"opfer".to_owned());
        origins(Path::new("origins.toml"), text, &variable)
    }

    #[test]
    fn an_edge_is_one_line_and_has_the_token_of_its_origin() {
        let text = r#"
            [[origin]]
            name = "cellar"
            app = "app"
            srt_url = "srt://ome:9999"
            api_token = "${TOKEN}"
            edges = ["http://edge-1:8081", "https://edge-2.example.org"]
            [[origin.edge]]
            name = "far"
            api_url = "http://edge-3:8081"
            api_token = "own"
        "#;
        let found = read(text).unwrap();
        let edge = |name: &str, url: &str, token: &str| json!({ "name": name, "api_url": url, "api_token": token });
        assert_eq!(
            found[0].1["edges"],
            json!([
                edge("edge-1:8081", "http://edge-1:8081", "kl\"opfer"),
                edge("edge-2.example.org", "https://edge-2.example.org", "kl\"opfer"),
                edge("far", "http://edge-3:8081", "own")
            ])
        );
        assert!(fields(&found[0].1).is_ok());
        assert_eq!(read("").unwrap(), vec![]);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let origin = |more: &str| format!("[[origin]]\nname = \"cellar\"\napp = \"app\"\n{more}");
        for (text, part) in [
            ("[[origin]\n", "line 1"),
            ("title = \"hush\"", "`title`"),
            ("origin = \"hush\"", "[[origin]]"),
            ("[[origin]]\napp = \"app\"", "no. 1: it has no `name`"),
            ("[[origin]]\nname = \"cellar\"", "`app`"),
            (&origin("api_token = \"${HUSH}\""), "${HUSH}"),
            (&origin("edges = \"hush\""), "[[origin.edge]]"),
            (&origin("edges = [\"hush\"]"), "address"),
            (&format!("{}\n{}", origin(""), origin("").replace("cellar", "CELLAR")), "same name"),
        ] {
            let sentence = read(text).unwrap_err().to_string();
            assert!(sentence.contains(part) && !sentence.contains("hush"), "{sentence}");
        }
        for (more, part) in
            [("playback = \"hush\"", "`playback`"), ("wip_url = \"hush\"", "`wip_url`"), ("api_token = [\"hush\"]", "`api_token`")]
        {
            let found = read(&origin(more)).unwrap();
            let Err(sentence) = fields(&found[0].1) else { panic!("{more}") };
            assert!(sentence.contains(part) && !sentence.contains("hush"), "{sentence}");
        }
    }
}
