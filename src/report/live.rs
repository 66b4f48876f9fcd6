//! One line a happening, while a run goes.

use anstyle::{AnsiColor, Style};

use super::terminal::Look;
use crate::units::display;

/// A happening as one line: `   0:45  fault       lose-one: kill-taskmanager tm-b (runs 1 of 2 subtasks)`. `at` in seconds since
/// the schedule's zero. Print it through `anstream`, which drops the colours where they are not wanted.
pub fn happening(at: f64, word: &str, sentence: &str, look: &Look) -> String {
    let style = style(word);
    let word = look.text(word);
    format!("{:>7}  {style}{word:<10}{style:#}  {}", display::clock(at), look.text(sentence))
}

/// What is worth a glance has a colour; the word says the same.
fn style(word: &str) -> Style {
    let colour = match word {
        "fault" | "acted" => AnsiColor::Yellow,
        "recovered" | "rode through" => AnsiColor::Green,
        "undo" => AnsiColor::Cyan,
        "abort" | "error" | "warning" => AnsiColor::Red,
        _ => return Style::new(),
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_designed() {
        let plain = |at, word, sentence| anstream::adapter::strip_str(&happening(at, word, sentence, &Look::default())).to_string();
        assert_eq!(
            plain(45.2, "fault", "lose-one: kill-taskmanager tm-b (runs 1 of 2 subtasks)"),
            "   0:45  fault       lose-one: kill-taskmanager tm-b (runs 1 of 2 subtasks)"
        );
        assert_eq!(plain(3605.0, "recovered", "x"), "1:00:05  recovered   x");
        assert_eq!(plain(0.0, "job", "RUNNING\n\u{1b}[2J"), r"   0:00  job         RUNNING\n\u{1b}[2J");
    }
}
