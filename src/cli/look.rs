//! What the terminal can show.

use crate::report::terminal::Look;

/// As stdout shows it.
pub(super) fn stdout() -> Look {
    look(terminal_size::terminal_size_of(std::io::stdout()))
}

/// As stderr shows it.
pub(super) fn stderr() -> Look {
    look(terminal_size::terminal_size_of(std::io::stderr()))
}

fn look(size: Option<(terminal_size::Width, terminal_size::Height)>) -> Look {
    let columns = size.map_or(80, |(width, _)| usize::from(width.0));
    Look { columns, ascii: !speaks_unicode() }
}

/// The first of these that says something decides, as in setlocale(3). Nothing said is the C locale; pipelines there still take UTF-8.
fn speaks_unicode() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    said.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
