//! What a person sees: on a terminal a line that moves below those that are done, in a pipe the
//! lines alone.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use store::JournalEntry;
use tokio::time::Instant;

use crate::LOOK_EVERY;

/// The demonstration's voice.
pub(crate) struct Show {
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Show {
    /// Begins to speak; times count from now.
    pub(crate) fn new() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) =
                ProgressStyle::with_template("  {spinner:.cyan} {wide_msg} {elapsed:.dim}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(LOOK_EVERY);
            bar
        });
        Self { bar, began: Instant::now() }
    }

    /// What comes next.
    pub(crate) fn title(&self, what: &str) {
        self.print(&format!("\n{what}"));
    }

    /// What is being done now.
    pub(crate) fn doing(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// What is done.
    pub(crate) fn done(&self, what: &str) {
        self.print(&format!("{:6.1} s  ✓ {what}", self.began.elapsed().as_secs_f32()));
        self.doing("wait for what comes next");
    }

    /// More about what is done.
    pub(crate) fn detail(&self, what: &str) {
        self.print(&format!("             {what}"));
    }

    /// A line of a journal: what was begun moves, what came of it stays.
    pub(crate) fn journal(&self, line: &JournalEntry) {
        let JournalEntry { step, what, why, outcome, .. } = line;
        if outcome == "begun" {
            self.doing(&format!("{step}: {what}"));
            return;
        }
        self.done(&format!("{step}: {what}, because {why}"));
        if outcome != "recorded" {
            outcome.split("; ").for_each(|part| self.detail(part));
        }
    }

    fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }

    /// Says no more.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
