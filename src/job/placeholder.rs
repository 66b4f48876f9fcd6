use std::collections::BTreeMap;

use super::Problem;

/// What the placeholders of job files stand for; the table is in the [room's](super) explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, String>);

impl Placeholders {
    /// `${run}` and `${group}`.
    pub fn new(run: &str, group: &str) -> Self {
        Self([("run".to_owned(), run.to_owned()), ("group".to_owned(), group.to_owned())].into())
    }

    /// `${link.<name>}`: an address as the job reaches it.
    #[must_use]
    pub fn link(mut self, name: &str, address: &str) -> Self {
        self.0.insert(format!("link.{name}"), address.to_owned());
        self
    }

    /// `${topic.<name>}`: the topic's name in Kafka.
    #[must_use]
    pub fn topic(mut self, name: &str, topic: &str) -> Self {
        self.0.insert(format!("topic.{name}"), topic.to_owned());
        self
    }

    /// Fills in `text[start..end]`. Problems count from the start of `text`.
    pub(super) fn fill(&self, text: &str, start: usize, end: usize) -> Result<String, Vec<Problem>> {
        let mut filled = String::with_capacity(end - start);
        let mut problems = Vec::new();
        let mut at = start;
        while let Some(found) = text[at..end].find("${") {
            let dollar = at + found;
            if text[at..dollar].ends_with('$') {
                filled.push_str(&text[at..dollar - 1]);
                filled.push_str("${");
                at = dollar + 2;
                continue;
            }
            filled.push_str(&text[at..dollar]);
            let Some(length) = text[dollar..end].find('}').filter(|length| !text[dollar..dollar + length].contains('\n')) else {
                problems.push(Problem::at(text, dollar, 2, "placeholder without its closing `}`").hint("write `$${` for a literal `${`"));
                at = dollar + 2;
                continue;
            };
            let name = text[dollar + 2..dollar + length].trim();
            match self.0.get(name) {
                Some(value) => filled.push_str(value),
                None => problems.push(self.unknown(text, dollar, length + 1, name)),
            }
            at = dollar + length + 1;
        }
        filled.push_str(&text[at..end]);
        if problems.is_empty() { Ok(filled) } else { Err(problems) }
    }

    fn unknown(&self, text: &str, offset: usize, length: usize, name: &str) -> Problem {
        let problem = Problem::at(text, offset, length, format!("unknown placeholder `${{{name}}}`"));
        let nearest = self.0.keys().map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
        match nearest {
            Some((distance, known)) if distance <= 1 + name.chars().count() / 4 => problem.hint(format!("did you mean `${{{known}}}`?")),
            _ => {
                let known: Vec<String> = self.0.keys().map(|known| format!("${{{known}}}")).collect();
                problem.hint(format!("known: {}", known.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn placeholders() -> Placeholders {
        Placeholders::new("r1", "enrich").link("source", "127.0.0.1:9092").topic("orders", "orders-r1")
    }

    fn fill(text: &str) -> Result<String, Vec<Problem>> {
        placeholders().fill(text, 0, text.len())
    }

    #[test]
    fn fills_in() {
        assert_eq!(fill("a ${topic.orders}-${ run } b ${link.source}").unwrap(), "a orders-r1-r1 b 127.0.0.1:9092");
        assert_eq!(fill("costs $5, $${run}").unwrap(), "costs $5, ${run}");
        assert_eq!(fill("").unwrap(), "");
    }

    #[test]
    fn says_where_and_what_all_unknown_ones_are() {
        let problems = fill("x\n  ä ${topic.order} ${nonsense.here}\n${run").unwrap_err();
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "2:5: unknown placeholder `${topic.order}` (did you mean `${topic.orders}`?)",
                "2:20: unknown placeholder `${nonsense.here}` (known: ${group}, ${link.source}, ${run}, ${topic.orders})",
                "3:1: placeholder without its closing `}` (write `$${` for a literal `${`)",
            ]
        );
        assert_eq!(problems[0].length, "${topic.order}".len());
    }
}
