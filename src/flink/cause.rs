//! One line out of Flink's many: its exceptions come wrapped ten deep, with stacks.

/// Longest line handed out.
const LONGEST: usize = 300;

/// The innermost cause of a Java stack trace that says something, in one line: `ValidationException: Object 'x' not found`.
///
/// Causes without a message (a bare `CancellationException` at the end of a chain) are passed over where another one has
/// a message.
pub fn root_cause(trace: &str) -> String {
    let causes = causes(trace);
    let best = causes.iter().rev().find(|cause| says_something(cause)).or(causes.last());
    best.map_or_else(String::new, |cause| shorten(cause))
}

/// The method whose frame stands first below the innermost cause that has frames: `dev.acme.Enrich.flatMap`. None where the trace has none.
pub fn thrown_in(trace: &str) -> Option<&str> {
    let (mut method, mut first) = (None, true);
    for line in trace.lines().map(str::trim) {
        if let Some(frame) = line.strip_prefix("at ") {
            if first {
                let frame = frame.split('(').next().unwrap_or(frame);
                // `java.base/java.lang.Thread.run`, `app//dev.acme.Enrich.flatMap`
                method = Some(frame.rsplit('/').next().unwrap_or(frame));
            }
            first = false;
        } else if line.starts_with("Caused by: ") {
            first = true;
        }
    }
    method
}

/// Each throwable of the trace, outermost first: its class and message, joined over lines.
fn causes(trace: &str) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut in_message = false;
    for line in trace.lines() {
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        let is_frame = text.starts_with("at ") || text.starts_with("... ") || text.starts_with("Suppressed: ");
        if is_frame || text.starts_with("End of exception on server side") {
            in_message = false;
        } else if let Some(cause) = text.strip_prefix("Caused by: ") {
            causes.push(cause.to_owned());
            in_message = true;
        } else if text.ends_with("<Exception on server side:") {
            in_message = false;
        } else if in_message && let Some(last) = causes.last_mut() {
            last.push(' ');
            last.push_str(text);
        } else {
            causes.push(text.to_owned());
            in_message = true;
        }
    }
    causes
}

fn says_something(cause: &str) -> bool {
    cause.split_once(": ").is_some_and(|(class, message)| is_class(class) && !message.trim().is_empty())
        || !is_class(cause.trim_end_matches(':'))
}

fn is_class(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '$' | '_'))
}

/// Drops packages of the leading class names and cuts what is too long.
fn shorten(cause: &str) -> String {
    let mut rest = cause;
    let mut classes = Vec::new();
    while let Some((class, message)) = rest.split_once(": ") {
        if !is_class(class) {
            break;
        }
        classes.push(class);
        rest = message;
    }
    // Of `SerializedThrowable: java.io.IOException: disk full` the last class is the real one.
    let text = match classes.last() {
        Some(class) => format!("{}: {rest}", simple_name(class)),
        None if is_class(rest) => simple_name(rest).to_owned(),
        None => rest.to_owned(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn simple_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

/// The line that a REST error answer (`{"errors": […]}`) is about; `Internal server error.` only where there is no other.
pub(super) fn of_answer(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        errors: Vec<String>,
    }
    match serde_json::from_str::<Answer>(body) {
        Ok(answer) => {
            let says_more = answer.errors.iter().rfind(|error| !error.trim().eq_ignore_ascii_case("internal server error."));
            says_more.or(answer.errors.last()).map_or_else(|| "no reason given".to_owned(), |error| root_cause(error))
        }
        // A proxy's HTML page, say.
        Err(_) => shorten(body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an empty answer")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn takes_the_innermost_cause_that_says_something() {
        let trace = "org.apache.flink.table.gateway.service.utils.SqlExecutionException: Failed to execute the operation 1.\n\
                     \tat org.apache.flink.Foo.bar(Foo.java:1)\n\
                     Caused by: org.apache.flink.table.api.ValidationException: Unable to create a sink for writing table 'a'.\n\n\
                     Table options are:\n\n'connector'='kafka'\n\tat Foo.baz(Foo.java:2)\n\
                     Caused by: org.apache.flink.table.api.ValidationException: Missing required options are:\n\ntopic\n\tat Foo.baz(Foo.java:2)\n\
                     \t... 12 more\nCaused by: java.util.concurrent.CancellationException\n\tat X.y(X.java:3)\n";
        assert_eq!(root_cause(trace), "ValidationException: Missing required options are: topic");
    }

    #[test]
    fn the_innermost_cause_says_where_it_was_thrown() {
        let trace = "a.B: outer\n\tat org.apache.flink.A.run(A.java:1)\nCaused by: c.D: inner\n\tat app//dev.acme.Enrich.flatMap(E.java:2)\n\
                     \tat org.apache.flink.C.d(C.java:3)\n\t... 4 more\n";
        assert_eq!(thrown_in(trace), Some("dev.acme.Enrich.flatMap"));
        assert_eq!(thrown_in("a.B: gone\n\tat java.base/java.lang.Thread.run(T.java:1)"), Some("java.lang.Thread.run"));
        assert_eq!(thrown_in("a.B: gone"), None);
    }

    #[test]
    fn unwraps_serialized_throwables() {
        let trace = "org.apache.flink.runtime.JobException: Recovery is suppressed\nCaused by: org.apache.flink.util.SerializedThrowable: \
                     java.io.IOException: disk full";
        assert_eq!(root_cause(trace), "IOException: disk full");
    }

    #[test]
    fn a_lone_line_is_its_own_cause() {
        assert_eq!(root_cause("java.lang.NullPointerException\n\tat A.b(A.java:1)"), "NullPointerException");
        assert_eq!(root_cause("something odd"), "something odd");
        assert_eq!(root_cause(""), "");
        assert!(root_cause(&"ä".repeat(1000)).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn answers_of_flink_and_of_others() {
        let not_found = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/rr.json")).unwrap();
        assert_eq!(
            of_answer(&not_found),
            "UnsupportedOperationException: The DefaultScheduler does not support changing the parallelism without a job restart. \
             This feature is currently only expected to work with the AdaptiveScheduler."
        );
        assert_eq!(of_answer("<html>\n502 Bad Gateway"), "<html>");
        assert_eq!(of_answer(r#"{"errors":["Internal server error."]}"#), "Internal server error.");
    }
}
