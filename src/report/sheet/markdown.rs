//! A sheet as Markdown: its first screen.

use std::fmt::Write;

use super::Sheet;
use crate::analysis::Status;
use crate::report::html::parts::Table;
use crate::report::markdown::escape;
use crate::report::wording;

const MOST_ROWS: usize = 60;

/// The sheet as GitHub-flavoured Markdown.
pub fn render(sheet: &Sheet) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## {} {} – {}: {}\n", wording::sign(sheet.status), escape(&sheet.title), sheet.kind, escape(&sheet.word));
    let _ = writeln!(out, "**{}**: {}\n", escape(&sheet.word), escape(&sheet.detail));
    if !sheet.sentence.is_empty() {
        let _ = writeln!(out, "> {}\n", escape(&sheet.sentence));
    }
    for alarm in &sheet.alarms {
        let _ = writeln!(out, "- **{}**", escape(alarm));
    }
    if sheet.status != Status::Met {
        for reason in sheet.further_reasons() {
            let _ = writeln!(out, "- because {}", escape(reason));
        }
    }
    out.push('\n');
    if !sheet.key.is_empty() {
        let _ = writeln!(out, "| | | |\n|---|---|---|");
        for (name, value, note) in &sheet.key {
            let _ = writeln!(out, "| {} | **{}** | {} |", escape(name), escape(value), escape(note));
        }
        out.push('\n');
    }
    if !sheet.checks.is_empty() {
        let _ = writeln!(out, "| | asked | observed |\n|---|---|---|");
        for check in &sheet.checks {
            let _ =
                writeln!(out, "| {} | <code>{}</code> | {} |", wording::sign(check.status), escape(&check.text), escape(&check.observed));
        }
        out.push('\n');
    }
    for shown in &sheet.tables {
        table(&mut out, shown);
    }
    let facts: Vec<String> = sheet.meta.iter().map(|fact| escape(fact)).collect();
    let _ = writeln!(out, "<sub>{} · {} · squall {}</sub>", escape(&sheet.id), facts.join(" · "), escape(&sheet.squall));
    out
}

fn table(out: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    if !table.caption.is_empty() {
        let _ = writeln!(out, "{}\n", escape(&table.caption));
    }
    let line = |cells: &[String]| format!("| {} |", cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>().join(" | "));
    let rule = if table.kind == "words" { "---|" } else { "--:|" };
    let _ = writeln!(out, "{}\n|---|{}", line(&table.head), rule.repeat(table.head.len().saturating_sub(1)));
    for row in table.rows.iter().take(MOST_ROWS) {
        let _ = writeln!(out, "{}", line(row));
    }
    if table.rows.len() > MOST_ROWS {
        let _ = writeln!(out, "\nand {} more in the report", table.rows.len() - MOST_ROWS);
    }
    out.push('\n');
}
