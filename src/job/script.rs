//! Splitting a SQL script into statements, as Flink's SQL client does.

use super::{Placeholders, Problem};

/// A script with its settings taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// `SET 'key' = 'value'`, in order.
    pub settings: Vec<(String, String)>,
    /// All other statements, in order, without comments and semicolons. One of them starts the job.
    pub statements: Vec<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `SET`.
    Set,
    /// Starts a job.
    Job,
    /// Gives rows to somebody who waits for them.
    Query,
    /// A half of the client-only bracket `BEGIN STATEMENT SET; … END;`.
    Bracket,
    /// Tables, views, functions, …
    Definition,
}

/// Splits `text`, fills in placeholders and takes the settings out.
///
/// # Errors
/// All problems: what is never closed, unknown placeholders, settings not understood, queries, no or several jobs.
pub(super) fn parse(text: &str, placeholders: &Placeholders) -> Result<Script, Vec<Problem>> {
    let (plain, spans) = split(text).map_err(|problem| vec![problem])?;
    let mut script = Script::default();
    let mut problems = Vec::new();
    let mut jobs = 0;
    for (start, end) in spans {
        let statement = match placeholders.fill(&plain, start, end) {
            Ok(statement) => statement,
            Err(mut unknown) => {
                problems.append(&mut unknown);
                // Its kind still counts, so that one mistake is not told as two.
                plain[start..end].to_owned()
            }
        };
        let first_word = plain[start..end].split_whitespace().next().map_or(0, str::len);
        let problem = |message: &str| Problem::at(text, start, first_word, message);
        match kind(&statement) {
            Kind::Set => match setting(&statement) {
                Some(setting) => script.settings.push(setting),
                None => problems.push(problem("setting not understood").hint("write SET 'key' = 'value'")),
            },
            Kind::Query => problems.push(problem("a query gives its rows to nobody here").hint("write INSERT INTO … SELECT")),
            Kind::Bracket => problems.push(
                problem("BEGIN STATEMENT SET belongs to the interactive client")
                    .hint("write EXECUTE STATEMENT SET BEGIN … END, as one statement"),
            ),
            Kind::Job => {
                jobs += 1;
                if jobs > 1 {
                    problems.push(
                        problem("a second job: exactly one is under test")
                            .hint("put all INSERTs into one EXECUTE STATEMENT SET BEGIN … END"),
                    );
                }
                script.statements.push(statement);
            }
            Kind::Definition => script.statements.push(statement),
        }
    }
    if jobs == 0 && problems.is_empty() {
        problems.push(Problem::at(text, 0, text.lines().next().map_or(0, str::len), "the script starts no job").hint("it has no INSERT"));
    }
    if problems.is_empty() { Ok(script) } else { Err(problems) }
}

/// `text` with comments blanked (so that offsets stay), and the spans of its statements, trimmed.
fn split(text: &str) -> Result<(String, Vec<(usize, usize)>), Problem> {
    let bytes = text.as_bytes();
    let mut plain = bytes.to_vec();
    let mut ends = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let length = match bytes[at] {
            b'-' if rest.starts_with("--") => {
                let length = rest.find('\n').unwrap_or(rest.len());
                blank(&mut plain[at..at + length]);
                length
            }
            // A hint, `/*+ … */`, is part of its statement.
            b'/' if rest.starts_with("/*") && !rest.starts_with("/*+") => {
                let end = rest[2..].find("*/").ok_or_else(|| Problem::at(text, at, 2, "comment without its closing `*/`"))?;
                blank(&mut plain[at..at + end + 4]);
                end + 4
            }
            quote @ (b'\'' | b'`' | b'"') => {
                // A doubled quote reads as the end of one text and the start of the next: no special case.
                let end = rest[1..].bytes().position(|byte| byte == quote);
                end.ok_or_else(|| Problem::at(text, at, 1, format!("text without its closing {}", char::from(quote))))? + 2
            }
            b';' => {
                ends.push(at);
                1
            }
            _ => 1,
        };
        at += length;
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    ends.push(bytes.len());
    // Only whole comments were blanked, so it is still UTF-8.
    let plain = String::from_utf8(plain).unwrap_or_else(|_| text.to_owned());
    let spans = statements(&plain, &ends);
    Ok((plain, spans))
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// Joins the parts of statement sets: their inner semicolons end no statement.
fn statements(plain: &str, ends: &[usize]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut start = 0;
    let mut part_start = 0;
    for &end in ends {
        let last = end == plain.len();
        let closes = plain[part_start..end].trim().eq_ignore_ascii_case("END");
        if !last && opens_set(&plain[start..end]) && !closes {
            part_start = end + 1;
            continue;
        }
        let statement = &plain[start..end];
        if !statement.trim().is_empty() {
            let leading = statement.len() - statement.trim_start().len();
            spans.push((start + leading, start + statement.trim_end().len()));
        }
        start = end + 1;
        part_start = start;
    }
    spans
}

fn words(statement: &str) -> impl Iterator<Item = String> {
    statement.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_ascii_uppercase)
}

fn opens_set(statement: &str) -> bool {
    let first: Vec<String> = words(statement).take(4).collect();
    first == ["EXECUTE", "STATEMENT", "SET", "BEGIN"]
}

fn kind(statement: &str) -> Kind {
    let first: Vec<String> = words(statement).take(3).collect();
    match first.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["SET", ..] => Kind::Set,
        ["INSERT", ..] | ["EXECUTE", "STATEMENT" | "INSERT" | "PLAN", ..] | ["COMPILE", "AND", "EXECUTE"] => Kind::Job,
        ["SELECT" | "WITH" | "VALUES", ..] | ["EXECUTE", "SELECT", ..] => Kind::Query,
        ["BEGIN", "STATEMENT", ..] | ["END"] => Kind::Bracket,
        _ => Kind::Definition,
    }
}

/// `SET 'key' = 'value'`.
fn setting(statement: &str) -> Option<(String, String)> {
    let (key, rest) = quoted(statement.get(3..)?.trim_start())?;
    let (value, rest) = quoted(rest.trim_start().strip_prefix('=')?.trim_start())?;
    (rest.trim().is_empty() && !key.is_empty()).then_some((key, value))
}

/// A text in single quotes at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let end = rest.find('\'')?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Script, Vec<String>> {
        let placeholders = Placeholders::new("r1", "g").topic("orders", "orders-1");
        parse(text, &placeholders).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn splits_what_people_write() {
        let script = read(
            "-- ; no statement, and ${no} placeholder\n\
             SET 'pipeline.name' = 'it''s; ${run}';\n\
             /* ; 'neither */ CREATE TABLE `a;b` (x STRING COMMENT 'one; -- two') WITH ('topic' = '${topic.orders}');;\n\
             INSERT INTO `a;b` /*+ OPTIONS('k'='v;w') */ SELECT x || '/*' FROM t -- end\n;\n",
        )
        .unwrap();
        assert_eq!(script.settings, [("pipeline.name".to_owned(), "it's; r1".to_owned())]);
        assert_eq!(
            script.statements,
            [
                "CREATE TABLE `a;b` (x STRING COMMENT 'one; -- two') WITH ('topic' = 'orders-1')",
                "INSERT INTO `a;b` /*+ OPTIONS('k'='v;w') */ SELECT x || '/*' FROM t",
            ]
        );
    }

    #[test]
    fn a_statement_set_is_one_statement() {
        let set = "EXECUTE STATEMENT SET\nBEGIN\nINSERT INTO a SELECT CASE WHEN x THEN 1 ELSE 2 END;\nINSERT INTO b SELECT 1;\nend";
        assert_eq!(read(&format!("CREATE TABLE a (x INT);\n{set};")).unwrap().statements, ["CREATE TABLE a (x INT)", set]);
        assert_eq!(read(set).unwrap().statements, [set]);
    }

    #[test]
    fn tells_every_problem_where_it_is() {
        assert_eq!(
            read("SET x = 1;\nINSERT INTO a SELECT '${topics}';\n  INSERT INTO b SELECT 1;\nSELECT 1;\nBEGIN STATEMENT SET;").unwrap_err(),
            [
                "1:1: setting not understood (write SET 'key' = 'value')",
                "2:23: unknown placeholder `${topics}` (known: ${group}, ${run}, ${topic.orders})",
                "3:3: a second job: exactly one is under test (put all INSERTs into one EXECUTE STATEMENT SET BEGIN … END)",
                "4:1: a query gives its rows to nobody here (write INSERT INTO … SELECT)",
                "5:1: BEGIN STATEMENT SET belongs to the interactive client (write EXECUTE STATEMENT SET BEGIN … END, as one statement)",
            ]
        );
        assert_eq!(read("CREATE TABLE a (x INT);").unwrap_err(), ["1:1: the script starts no job (it has no INSERT)"]);
        assert_eq!(read("\nINSERT INTO a SELECT 'x;").unwrap_err(), ["2:22: text without its closing '"]);
        assert_eq!(read("/* x").unwrap_err(), ["1:1: comment without its closing `*/`"]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_offsets(text in "[-/*+;'`\" \nä$a-z{}]{0,80}") {
            if let Ok((plain, spans)) = split(&text) {
                proptest::prop_assert_eq!(plain.len(), text.len());
                for (start, end) in spans {
                    proptest::prop_assert!(start < end && plain.get(start..end).is_some());
                }
            }
            let _ = read(&text);
        }

        #[test]
        fn quoted_text_comes_through(content in "[-/*;a-z \nä]{0,40}") {
            let text = format!("INSERT INTO a SELECT '{content}'; CREATE TABLE b (x INT)");
            let script = read(&text).unwrap();
            proptest::prop_assert_eq!(&script.statements[0], &format!("INSERT INTO a SELECT '{content}'"));
            proptest::prop_assert_eq!(script.statements.len(), 2);
        }
    }
}
