//! Problems in the look of rustc.

use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Label, Problem, Severity, Source};

pub(super) fn render(problems: &[Problem], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    problems.iter().map(|problem| renderer.render(&[group(problem)]) + "\n").collect::<Vec<_>>().join("\n")
}

fn group(problem: &Problem) -> Group<'_> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&problem.title));
    let labels: Vec<(&Label, AnnotationKind)> = problem
        .label
        .iter()
        .map(|label| (label, AnnotationKind::Primary))
        .chain(problem.related.iter().map(|label| (label, AnnotationKind::Context)))
        .collect();
    let mut sources: Vec<&Arc<Source>> = Vec::new();
    for (label, _) in &labels {
        if !sources.contains(&&label.source) {
            sources.push(&label.source);
        }
    }
    for source in sources {
        let annotations = labels.iter().filter(|(label, _)| label.source == *source).map(|(label, kind)| annotation(label, *kind));
        group = group.element(Snippet::source(source.text()).path(source.name()).annotations(annotations));
    }
    for note in &problem.notes {
        group = group.element(Level::NOTE.message(note));
    }
    for help in &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    group
}

fn annotation(label: &Label, kind: AnnotationKind) -> Annotation<'_> {
    let annotation = kind.span(label.span.clone());
    if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::*;

    #[test]
    fn a_problem_points_at_its_line_and_at_another_file() {
        let scenario = Source::new("kill.yaml", "name: kill\ninject: { kill-taskmanager: { count: 3 } }\n");
        let cluster = Source::new("laptop.yaml", "keep-at-least: { taskmanagers: 1 }\n");
        let report = Report::from(
            Problem::error("only 1 of 2 TaskManagers may go")
                .at(scenario.label(41..49, "asks for 3"))
                .related(cluster.label(17..32, "the owner keeps 1"))
                .help("lower `count`"),
        );
        insta::assert_snapshot!(report.render(false), @"
        error: only 1 of 2 TaskManagers may go
         --> kill.yaml:2:31
          |
        2 | inject: { kill-taskmanager: { count: 3 } }
          |                               ^^^^^^^^ asks for 3
          |
         ::: laptop.yaml:1:18
          |
        1 | keep-at-least: { taskmanagers: 1 }
          |                  --------------- the owner keeps 1
          |
          = help: lower `count`
        ");
        assert!(report.render(true).contains('\u{1b}'));
    }
}
