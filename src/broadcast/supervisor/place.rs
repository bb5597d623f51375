//! Where a new broadcast runs.

use super::super::capacity::{self, Class, Full, Resources};
use super::super::load;
use super::super::model::{Row, SourceKind, of_word};
use super::{Supervisor, class, class_of};
use crate::account::Sight;
use crate::media::profile::{Overrides, Profile};
use crate::node::{Load, store as nodes};
use crate::store::StoreError;
use std::sync::PoisonError;

/// Why a broadcast cannot run where it is wanted.
#[derive(Debug, thiserror::Error)]
pub(in crate::broadcast) enum NoPlace {
    /// No such node, or it is gone.
    #[error("There is no node “{0}”, or it is gone.")]
    Unknown(String),
    /// It takes nothing more.
    #[error("The node “{0}” is draining and takes no more broadcasts.")]
    Draining(String),
    /// This machine is full.
    #[error(transparent)]
    Full(#[from] Full),
    /// Another is.
    #[error("No node has room for this. Stop a broadcast, choose a smaller profile, or add a node.")]
    AllFull,
    /// Who is there cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The word for whichever node has most room.
const ANY: &str = "any";

impl Supervisor {
    /// The node for a new broadcast, of those in this sight: the one that was asked for, by name or id, or that with most room.
    pub(in crate::broadcast) async fn place(
        &self,
        wanted: Option<&str>,
        profile: &Profile,
        source: SourceKind,
        sight: &Sight,
    ) -> Result<String, NoPlace> {
        let node = &self.0.node;
        let class = class(profile, source == SourceKind::Browser);
        let needs = self.needs(&class);
        self.say_load();
        node.refresh().await?;
        let seen: Vec<String> = nodes::seen(&self.0.store, sight).await?.into_iter().map(|row| row.name).collect();
        if let Some(name) = wanted.filter(|wanted| *wanted != ANY) {
            let found = node
                .find_live(name)
                .filter(|found| seen.contains(&found.name))
                .ok_or_else(|| NoPlace::Unknown(name.chars().take(64).collect()))?;
            let here = found.process == node.process();
            let draining = if here { node.is_draining() } else { found.draining == 1 };
            if draining {
                return Err(NoPlace::Draining(found.name));
            }
            if here {
                self.fits_here(&class)?;
            } else if !node.with_room(needs.cores, needs.memory_mb).contains(&found.name) {
                return Err(NoPlace::AllFull);
            }
            Ok(found.name)
        } else {
            let mut usable = node.with_room(needs.cores, needs.memory_mb);
            let here = self.fits_here(&class);
            usable.retain(|name| seen.contains(name));
            usable.retain(|name| name != node.name() || here.is_ok() && !node.is_draining());
            match (usable.into_iter().next(), here) {
                (Some(name), _) => Ok(name),
                (None, _) if node.is_draining() => Err(NoPlace::Draining(node.name().to_owned())),
                (None, Err(full)) => Err(full.into()),
                (None, Ok(())) => Err(NoPlace::AllFull),
            }
        }
    }

    fn needs(&self, class: &Class) -> Resources {
        self.0.costs.lock().unwrap_or_else(PoisonError::into_inner).of(class)
    }

    /// Whether one more broadcast fits on this machine.
    fn fits_here(&self, class: &Class) -> Result<(), Full> {
        let running: Vec<Class> = self.sessions().values().map(class_of).collect();
        let costs = self.0.costs.lock().unwrap_or_else(PoisonError::into_inner);
        capacity::fits(&costs, self.0.cores, load::free_memory_mb().unwrap_or(f64::MAX), &running, class)
    }

    /// Whether this node may take over a broadcast of another.
    pub(super) fn has_room_for(&self, row: &Row) -> bool {
        if self.0.node.is_draining() {
            return false;
        }
        let overrides: Overrides = serde_json::from_str(&row.overrides).unwrap_or_default();
        // What cannot be read ends with its reason wherever it is launched.
        let Ok(profile) = Profile::named(&row.profile).and_then(|profile| profile.with(&overrides)) else { return true };
        let browser = of_word::<SourceKind>(&row.source) != Some(SourceKind::Test);
        match self.fits_here(&class(&profile, browser)) {
            Ok(()) => true,
            Err(full) => {
                tracing::warn!(broadcast = row.id, %full, "a broadcast of a node that is gone does not fit here");
                false
            }
        }
    }

    /// Says what this node has and needs, for the others.
    pub fn say_load(&self) {
        let running: Vec<Class> = self.sessions().values().map(class_of).collect();
        let costs = self.0.costs.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.node.set_load(Load {
            cores: self.0.cores,
            used_cores: running.iter().map(|class| costs.of(class).cores).sum(),
            free_memory_mb: load::free_memory_mb().unwrap_or(0.0),
            broadcasts: u32::try_from(running.len()).unwrap_or(u32::MAX),
        });
    }
}
