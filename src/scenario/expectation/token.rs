//! Words, parentheses and comparisons, each with its place.

use crate::diagnostic::Span;

use super::Comparison;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    Compare(Comparison),
    Other(char),
}

pub(super) fn tokens(text: &str) -> Vec<(Token<'_>, Span)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (Token::Word(&rest[..length]), length)
        } else if let Some(comparison) = comparison(rest) {
            (Token::Compare(comparison), comparison.symbol().len())
        } else {
            let token = match first {
                '(' => Token::Open,
                ')' => Token::Close,
                other => Token::Other(other),
            };
            (token, first.len_utf8())
        };
        found.push((token, at..at + length));
        at += length;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '%' | '/' | ',')
}

fn comparison(text: &str) -> Option<Comparison> {
    // The longer ones first.
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    [LessOrEqual, GreaterOrEqual, Equal, NotEqual, Less, Greater].into_iter().find(|comparison| text.starts_with(comparison.symbol()))
}

impl Comparison {
    /// As it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether `left` compares so to `right`.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}
