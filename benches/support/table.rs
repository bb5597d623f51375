//! Figures, their targets, and whether they were met.

use std::fmt::Display;

/// Prints lines of figures under a heading.
pub struct Table {
    missed: usize,
}

impl Table {
    pub fn new(title: &str) -> Self {
        println!("\n{title}\n{}", "-".repeat(title.chars().count()));
        Self { missed: 0 }
    }

    /// A figure without a target.
    pub fn line(&self, name: &str, figure: impl Display) {
        println!("  {name:<58} {figure:>16}");
    }

    /// A figure that is to be no more than `most`.
    pub fn at_most(&mut self, name: &str, figure: f64, most: f64, unit: &str) {
        self.judge(name, figure, &format!("≤ {}", number(most)), unit, figure <= most);
    }

    /// A figure that is to be no less than `least`.
    pub fn at_least(&mut self, name: &str, figure: f64, least: f64, unit: &str) {
        self.judge(name, figure, &format!("≥ {}", number(least)), unit, figure >= least);
    }

    fn judge(&mut self, name: &str, figure: f64, target: &str, unit: &str, met: bool) {
        self.missed += usize::from(!met);
        let verdict = if met { "met" } else { "MISSED" };
        println!("  {name:<58} {:>16}   target {target} {unit}: {verdict}", format!("{} {unit}", number(figure)));
    }

    /// How many targets were missed, in words.
    pub fn end(self) {
        println!("  {}", if self.missed == 0 { "Every target met.".to_owned() } else { format!("{} missed.", self.missed) });
    }
}

fn number(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The middle one; the mean of the two middle ones.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// So many of a hundred are no more than this.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN)
}

/// A number from the environment, or what stands for it.
pub fn setting(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
