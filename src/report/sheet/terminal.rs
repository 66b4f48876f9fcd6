//! A sheet on the terminal: its tables, its checks, the verdict in the last line but the report's path.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::Sheet;
use crate::analysis::Status;
use crate::report::html::parts::Table;
use crate::report::terminal::{Look, hanging, left, right, sentences};
use crate::report::text::width;
use crate::report::wording;

const HEAD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const GAP: usize = 3;

/// The sheet's first screen. Print it through `anstream`, which drops the colours where they are not wanted.
pub fn render(sheet: &Sheet, report: Option<&str>, look: &Look) -> String {
    let mut out = String::new();
    let title = look.text(&sheet.title);
    let facts = sheet.meta.iter().map(|fact| look.text(fact)).collect::<Vec<_>>().join(" · ");
    let beside = width(&title) + 2 < look.columns / 2;
    let _ = write!(out, "{HEAD}{title}{HEAD:#}{}", if beside { "  " } else { "\n  " });
    let mut head = String::new();
    hanging(&mut head, &look.text(&facts), if beside { width(&title) + 2 } else { 2 }, look);
    let _ = write!(out, "{QUIET}{head}{QUIET:#}");
    for shown in &sheet.tables {
        table(&mut out, shown, look);
    }
    key(&mut out, sheet, look);
    checks(&mut out, sheet, look);
    remarks(&mut out, sheet, look);
    if !sheet.sentence.is_empty() {
        out.push_str("\n  ");
        hanging(&mut out, &look.text(&sheet.sentence), 2, look);
    }
    out.push('\n');
    let style = colour(sheet.status).bold();
    let _ = writeln!(out, "{style}{}{style:#}: {}", look.text(&sheet.word), look.text(&sheet.detail));
    if let Some(path) = report {
        let _ = writeln!(out, "report: {}", look.text(path));
    }
    out
}

/// Name and value side by side; a long name has a line of its own.
fn key(out: &mut String, sheet: &Sheet, look: &Look) {
    if sheet.key.is_empty() {
        return;
    }
    out.push('\n');
    let room = look.columns * 2 / 5;
    let names = sheet.key.iter().map(|(name, ..)| width(&look.text(name))).filter(|name| *name <= room).max().unwrap_or(0);
    for (name, value, note) in &sheet.key {
        let (name, text) =
            (look.text(name), if note.is_empty() { look.text(value) } else { format!("{}   {}", look.text(value), look.text(note)) });
        out.push_str("  ");
        let indent = if width(&name) <= room {
            let _ = write!(out, "{}{}", left(&name, names), " ".repeat(GAP));
            2 + names + GAP
        } else {
            hanging(out, &name, 2, look);
            out.push_str("    ");
            4
        };
        hanging(out, &text, indent, look);
    }
}

fn colour(status: Status) -> Style {
    match status {
        Status::Met => AnsiColor::Green,
        Status::Failed => AnsiColor::Red,
        Status::NoData => AnsiColor::Yellow,
    }
    .on_default()
}

/// In columns where they fit, else a block a row.
fn table(out: &mut String, table: &Table, look: &Look) {
    if table.rows.is_empty() {
        return;
    }
    out.push('\n');
    if !table.caption.is_empty() {
        out.push_str("  ");
        hanging(out, &look.text(&table.caption), 2, look);
    }
    let head: Vec<String> = table.head.iter().map(|cell| look.text(cell)).collect();
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(|cell| look.text(cell)).collect()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).chain([&head[column]]).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    let needs = |gap: usize| 2 + widths.iter().sum::<usize>() + gap * head.len().saturating_sub(1);
    if let Some(between) = [GAP, GAP - 1].into_iter().find(|gap| needs(*gap) <= look.columns) {
        let words = table.kind == "words";
        let line = |cells: &[String]| {
            let mut line = "  ".to_owned();
            for (index, cell) in cells.iter().enumerate() {
                let gap = if index > 0 { between } else { 0 };
                if index == 0 || words {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&left(cell, widths[index]));
                } else {
                    line.push_str(&right(cell, gap + widths[index]));
                }
            }
            line.trim_end().to_owned()
        };
        let _ = writeln!(out, "{HEAD}{}{HEAD:#}", line(&head));
        for row in &rows {
            let _ = writeln!(out, "{}", line(row));
        }
        return;
    }
    let names = head.iter().skip(1).map(|name| width(name)).max().unwrap_or(0);
    for row in &rows {
        let _ = write!(out, "  {HEAD}");
        hanging(out, row.first().map_or("", String::as_str), 2, look);
        let _ = write!(out, "{HEAD:#}");
        for (name, cell) in head.iter().zip(row).skip(1) {
            let _ = write!(out, "    {}{}", left(name, names), " ".repeat(GAP));
            hanging(out, cell, 4 + names + GAP, look);
        }
    }
}

fn checks(out: &mut String, sheet: &Sheet, look: &Look) {
    if sheet.checks.is_empty() {
        return;
    }
    out.push('\n');
    let room = look.columns.saturating_sub(4 + GAP + 30);
    let column = sheet.checks.iter().map(|check| width(&look.text(&check.text))).filter(|text| *text <= room).max();
    for check in &sheet.checks {
        let style = colour(check.status);
        let (text, observed) = (look.text(&check.text), look.text(&check.observed));
        let _ = write!(out, "  {style}{}{style:#} ", look.text(wording::sign(check.status)));
        match column {
            Some(column) if width(&text) <= column => {
                let _ = write!(out, "{}", left(&text, column + GAP));
                hanging(out, &observed, 4 + column + GAP, look);
            }
            _ => {
                hanging(out, &text, 4, look);
                let _ = write!(out, "{}", " ".repeat(6));
                hanging(out, &observed, 6, look);
            }
        }
    }
}

fn remarks(out: &mut String, sheet: &Sheet, look: &Look) {
    let alarms = sheet.alarms.iter().map(|alarm| ("attention", alarm.clone()));
    let reasons = sheet.further_reasons().filter(|_| sheet.status != Status::Met).map(|reason| ("because", reason.to_owned()));
    sentences(out, &alarms.chain(reasons).collect::<Vec<_>>(), 10, look);
}
