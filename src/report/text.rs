//! Text from outside, made harmless and measured.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// `text` with control characters written out (`\n`, `\u{1b}`), and with the marks that turn the direction of writing: a job's
/// name can neither colour a terminal, break a line nor hide what follows it.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hostile(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

fn hostile(c: char) -> bool {
    // Unicode TR 36, section 2.5: bidirectional overrides and isolates; 2028 and 2029 break lines.
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Columns that `text` takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `text`, cut to `columns` with an ellipsis where it is longer.
pub(super) fn shortened(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut) >= columns {
            cut.pop();
            break;
        }
    }
    Cow::Owned(cut + "…")
}

/// The signs of `text` that a terminal without UTF-8 cannot show, in ASCII.
pub(super) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '✓' => plain.push('+'),
            '✗' | '×' => plain.push('x'),
            '±' => plain.push_str("+/-"),
            'µ' => plain.push('u'),
            '–' | '−' | '—' => plain.push('-'),
            '→' => plain.push_str("->"),
            '≤' => plain.push_str("<="),
            '≥' => plain.push_str(">="),
            '…' => plain.push_str("..."),
            '·' => plain.push('*'),
            '“' | '”' => plain.push('"'),
            '‘' | '’' => plain.push('\''),
            c if c.is_ascii() => plain.push(c),
            c => plain.extend(c.escape_default()),
        }
    }
    plain
}

/// `text` in lines of at most `columns`, broken at spaces; a longer word stands alone.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.len() - 1;
        if lines[line].is_empty() {
            lines[line].push_str(word);
        } else if width(&lines[line]) + 1 + width(word) <= columns {
            lines[line].push(' ');
            lines[line].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(visible("plain ✓ ± name"), "plain ✓ ± name");
        assert_eq!(visible("a\u{1b}[31mred\nb\u{9b}c\u{202e}d"), r"a\u{1b}[31mred\nb\u{9b}c\u{202e}d");
    }

    #[test]
    fn text_is_cut_and_wrapped_by_columns() {
        assert_eq!(shortened("recovery", 8), "recovery");
        assert_eq!(shortened("recovery", 5), "reco…");
        assert_eq!(width(&shortened("遅延注入テスト", 5)), 5);
        assert_eq!(wrapped("no record was acknowledged", 12), ["no record", "was", "acknowledged"]);
    }

    #[test]
    fn ascii_keeps_the_meaning() {
        assert_eq!(ascii("✗ 17.2 s ± 0.5 s → ≤ 3 µs"), "x 17.2 s +/- 0.5 s -> <= 3 us");
    }
}
