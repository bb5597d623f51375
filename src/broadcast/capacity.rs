//! Whether one more broadcast fits, by what broadcasts like it have cost here. Pure.

use std::collections::BTreeMap;

/// What a broadcast costs, or what a machine has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// CPU cores.
    pub cores: f64,
    /// Memory in MB.
    pub memory_mb: f64,
}

/// What kind of broadcast it is: costs are learned for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// Whether a browser runs for it.
    pub browser: bool,
    /// Pixels a second, in millions.
    pub megapixels_per_second: u32,
}

/// How much a new measurement changes what is believed.
const LEARN: f64 = 0.2;
/// This much of a machine is left to everything else.
const KEEP_FREE: f64 = 0.1;

/// What has been learned of costs.
#[derive(Clone, Debug, Default)]
pub struct Costs(BTreeMap<Class, Resources>);

impl Costs {
    /// What a broadcast of this class is expected to cost: as measured, else as others measured it (a 720p30 meeting about 0.9 of a core,
    /// half of it for the browser whatever the size).
    pub fn of(&self, class: &Class) -> Resources {
        self.0.get(class).copied().unwrap_or_else(|| {
            let encode = 0.012 * f64::from(class.megapixels_per_second);
            if class.browser {
                Resources { cores: 0.45 + encode, memory_mb: 700.0 }
            } else {
                Resources { cores: 0.05 + encode, memory_mb: 60.0 }
            }
        })
    }

    /// Takes a measurement in.
    pub fn learn(&mut self, class: &Class, measured: Resources) {
        let before = self.of(class);
        let blend = |before: f64, measured: f64| before + (measured - before) * LEARN;
        let now = Resources { cores: blend(before.cores, measured.cores), memory_mb: blend(before.memory_mb, measured.memory_mb) };
        self.0.insert(class.clone(), now);
    }
}

/// Why one more does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Full {
    /// Not enough CPU.
    #[error(
        "This needs about {needed:.1} CPU cores; {free:.1} of {all:.1} are free. Stop a broadcast, choose a smaller profile, or use a larger machine."
    )]
    Cores {
        /// What it needs.
        needed: f64,
        /// What is free.
        free: f64,
        /// What there is.
        all: f64,
    },
    /// Not enough memory.
    #[error("This needs about {needed:.0} MB of memory; {free:.0} MB are free. Stop a broadcast or use a larger machine.")]
    Memory {
        /// What it needs.
        needed: f64,
        /// What is free.
        free: f64,
    },
}

/// Whether `wanted` fits beside `running`. `free_memory_mb` is what the system says. The first broadcast always fits: on a machine that is
/// too small for it, the person in front of it is the better judge.
pub fn fits(costs: &Costs, cores: f64, free_memory_mb: f64, running: &[Class], wanted: &Class) -> Result<(), Full> {
    if running.is_empty() {
        return Ok(());
    }
    let needed = costs.of(wanted);
    let used: f64 = running.iter().map(|class| costs.of(class).cores).sum();
    let free = (cores * (1.0 - KEEP_FREE) - used).max(0.0);
    if needed.cores > free {
        return Err(Full::Cores { needed: needed.cores, free, all: cores });
    }
    if needed.memory_mb > free_memory_mb {
        return Err(Full::Memory { needed: needed.memory_mb, free: free_memory_mb });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting() -> Class {
        Class { browser: true, megapixels_per_second: 28 }
    }

    #[test]
    fn the_first_always_fits_and_the_refusal_says_what_is_missing() {
        let costs = Costs::default();
        assert_eq!(fits(&costs, 0.5, 0.0, &[], &meeting()), Ok(()));
        assert_eq!(fits(&costs, 2.0, 9000.0, &[meeting()], &meeting()), Ok(()));
        let full = fits(&costs, 2.0, 9000.0, &[meeting(), meeting()], &meeting()).unwrap_err();
        assert!(full.to_string().starts_with("This needs about 0.8 CPU cores; 0.2 of 2.0 are free."), "{full}");
        assert!(matches!(fits(&costs, 8.0, 300.0, &[meeting()], &meeting()), Err(Full::Memory { .. })));
    }

    #[test]
    fn what_is_measured_counts() {
        let mut costs = Costs::default();
        for _ in 0..40 {
            costs.learn(&meeting(), Resources { cores: 0.3, memory_mb: 500.0 });
        }
        assert!((costs.of(&meeting()).cores - 0.3).abs() < 0.01);
        assert_eq!(fits(&costs, 2.0, 9000.0, &vec![meeting(); 4], &meeting()), Ok(()));
    }
}
