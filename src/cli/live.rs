//! What a run shows while it goes: one line a happening, and a status line below where stderr is a terminal.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tell;
use crate::report::live;
use crate::report::terminal::Look;
use crate::run::{Glance, Watcher};
use crate::units::display;

/// Prints to stderr.
#[derive(Debug)]
pub(super) struct Live {
    bar: Option<ProgressBar>,
    look: Look,
    last: Mutex<Option<String>>,
}

impl Live {
    pub(super) fn new(look: Look) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, look, last: Mutex::new(None) }
    }

    /// A line above the status line.
    pub(super) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(&format!("{text}\n"))),
            None => tell(&format!("{text}\n")),
        }
    }

    /// Takes the status line away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Live {
    fn step(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => self.line(&format!("         {what}")),
        }
    }

    fn happening(&self, at: f64, word: &str, sentence: &str) {
        self.line(&live::happening(at, word, sentence, &self.look));
    }

    fn glance(&self, glance: &Glance) {
        let Some(bar) = &self.bar else { return };
        let rate = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), display::rate);
        let mut text = display::clock(glance.at);
        if let Some(total) = glance.total {
            text.push_str(&format!(" of {}", display::clock(total)));
        }
        text.push_str(&format!("  in {}  out {}", rate(glance.input), rate(glance.output)));
        if let Some(lag) = glance.output_lag {
            text.push_str(&format!("  lag {}", display::count(lag)));
        }
        if let Some(state) = &glance.job {
            text.push_str(&format!("  job {state}"));
        }
        if let Some(next) = &glance.next {
            text.push_str(&format!("  next {next}"));
        }
        if let Ok(mut last) = self.last.lock()
            && last.as_ref() != Some(&text)
        {
            bar.set_message(text.clone());
            *last = Some(text);
        }
    }
}
