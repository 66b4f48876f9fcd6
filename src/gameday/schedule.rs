//! Timers of somebody else's scheduler that run a game day: systemd, Kubernetes, GitHub. squall has no scheduler of its own.

use std::path::PathBuf;

/// Whose timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A service and a timer unit.
    Systemd,
    /// A CronJob.
    Kubernetes,
    /// A workflow of GitHub Actions.
    Github,
}

/// What is scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Name of the game day.
    pub name: String,
    /// Path of its file, as squall is to be told.
    pub file: PathBuf,
    /// Path of the cluster file.
    pub cluster: PathBuf,
    /// Five fields: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// Folder to run in.
    pub folder: PathBuf,
}

/// Why there is no timer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It has not five fields.
    #[error("`{0}` is no cron expression: five fields, such as `0 10 * * 2`")]
    NotCron(String),
    /// A field is none.
    #[error("`{field}` is no {what} of a cron expression")]
    Field {
        /// The field.
        field: String,
        /// `minute`, …
        what: &'static str,
    },
    /// Cron runs where either fits, systemd where both do.
    #[error("systemd cannot say \"on this day of the month or on that day of the week\"; give one of them")]
    TwoDays,
}

/// The files of a timer: name and text.
///
/// # Errors
/// When the cron expression is none, or the scheduler cannot say it.
pub fn write(scheduled: &Scheduled, scheduler: Scheduler) -> Result<Vec<(String, String)>, ScheduleError> {
    let fields = fields(&scheduled.cron)?;
    let name = format!("squall-{}", scheduled.name.to_lowercase().replace(['_', '.'], "-"));
    let run = format!("squall gameday run {} --on {} --yes", quoted(&scheduled.file), quoted(&scheduled.cluster));
    Ok(match scheduler {
        Scheduler::Systemd => vec![
            (
                format!("{name}.service"),
                format!(
                    "[Unit]\nDescription=squall game day {}\n\n[Service]\nType=oneshot\nWorkingDirectory={}\nExecStart=/usr/bin/env {run}\nTimeoutStopSec=10min\n",
                    scheduled.name,
                    scheduled.folder.display()
                ),
            ),
            (
                format!("{name}.timer"),
                format!(
                    "[Unit]\nDescription=squall game day {}\n\n[Timer]\nOnCalendar={}\nPersistent=false\n\n[Install]\nWantedBy=timers.target\n",
                    scheduled.name,
                    calendar(&fields)?
                ),
            ),
        ],
        Scheduler::Kubernetes => vec![(
            format!("{name}.yaml"),
            format!(
                "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: {name}\nspec:\n  schedule: \"{}\"\n  timeZone: Etc/UTC\n  concurrencyPolicy: Forbid\n  \
                 startingDeadlineSeconds: 600\n  jobTemplate:\n    spec:\n      backoffLimit: 0\n      template:\n        spec:\n          restartPolicy: Never\n          \
                 terminationGracePeriodSeconds: 600\n          containers:\n            - name: squall\n              # An image that holds squall, and the files below its working directory.\n              \
                 image: squall\n              command: [ squall, gameday, run, {}, --on, {}, --yes ]\n",
                scheduled.cron,
                json(&scheduled.file),
                json(&scheduled.cluster)
            ),
        )],
        Scheduler::Github => vec![(
            format!(".github/workflows/{name}.yml"),
            format!(
                "name: {}\non:\n  schedule: [ {{ cron: \"{}\" }} ]\n  workflow_dispatch:\njobs:\n  gameday:\n    runs-on: ubuntu-24.04\n    concurrency: {name}\n    steps:\n      \
                 - uses: actions/checkout@v4\n      # docs/ci.md: how squall gets there.\n      - run: {run}\n      - if: always()\n        run: squall undo\n      \
                 - if: always()\n        uses: actions/upload-artifact@v4\n        with: {{ name: reports, path: reports/ }}\n",
                scheduled.name, scheduled.cron
            ),
        )],
    })
}

/// A path as a word of a shell, which is one of a YAML line too.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain && !text.is_empty() { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn json(path: &std::path::Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}

const WHAT: [(&str, u32, u32); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7)];
const DAYS: [&str; 8] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn fields(cron: &str) -> Result<[String; 5], ScheduleError> {
    let fields: Vec<String> = cron.split_whitespace().map(str::to_owned).collect();
    let fields: [String; 5] = fields.try_into().map_err(|_| ScheduleError::NotCron(cron.to_owned()))?;
    for (field, (what, low, high)) in fields.iter().zip(WHAT) {
        let number = |text: &str| text.parse::<u32>().is_ok_and(|number| (low..=high).contains(&number));
        let part = |part: &str| {
            let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let range = range == "*" || range.split_once('-').map_or_else(|| number(range), |(from, to)| number(from) && number(to));
            range && step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0))
        };
        if !field.split(',').all(part) {
            return Err(ScheduleError::Field { field: field.clone(), what });
        }
    }
    Ok(fields)
}

/// As systemd.time(7) writes it, in UTC as the other schedulers count.
fn calendar([minute, hour, day, month, week]: &[String; 5]) -> Result<String, ScheduleError> {
    if day != "*" && week != "*" {
        return Err(ScheduleError::TwoDays);
    }
    let named =
        |number: &str| number.parse::<usize>().ok().and_then(|number| DAYS.get(number)).map_or(number.to_owned(), |day| (*day).to_owned());
    let of_week = |part: &str| part.split_once('-').map_or_else(|| named(part), |(from, to)| format!("{}..{}", named(from), named(to)));
    let week = if week == "*" { String::new() } else { format!("{} ", week.split(',').map(of_week).collect::<Vec<_>>().join(",")) };
    let field = |field: &str, first: &str| field.replace("*/", &format!("{first}/")).replace('-', "..");
    Ok(format!("{week}*-{}-{} {}:{}:00 UTC", field(month, "1"), field(day, "1"), field(hour, "0"), field(minute, "0")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scheduled(cron: &str) -> Scheduled {
        Scheduled {
            name: "first".into(),
            file: "days/first.yaml".into(),
            cluster: "it's here.yaml".into(),
            cron: cron.into(),
            folder: "/srv/squall".into(),
        }
    }

    fn calendar_of(cron: &str) -> Result<String, ScheduleError> {
        calendar(&fields(cron)?)
    }

    #[test]
    fn cron_is_said_as_systemd_says_it() {
        assert_eq!(calendar_of("0 10 * * 2").unwrap(), "Tue *-*-* 10:0:00 UTC");
        assert_eq!(calendar_of("*/15 8-18 * * 1-5").unwrap(), "Mon..Fri *-*-* 8..18:0/15:00 UTC");
        assert_eq!(calendar_of("30 3 1,15 */3 *").unwrap(), "*-1/3-1,15 3:30:00 UTC");
        assert_eq!(calendar_of("0 0 1 * 1"), Err(ScheduleError::TwoDays));
        assert!(matches!(calendar_of("0 25 * * *"), Err(ScheduleError::Field { what: "hour", .. })));
        assert!(matches!(calendar_of("daily"), Err(ScheduleError::NotCron(_))));
    }

    #[test]
    fn every_scheduler_runs_the_same_command() {
        for scheduler in [Scheduler::Systemd, Scheduler::Kubernetes, Scheduler::Github] {
            let files = write(&scheduled("0 10 * * 2"), scheduler).unwrap();
            let text: String = files.iter().map(|(_, text)| text.as_str()).collect();
            assert!(text.contains("gameday") && text.contains("days/first.yaml") && text.contains("--yes"), "{text}");
            for (name, text) in files.iter().filter(|(name, _)| name.ends_with("ml")) {
                let read: Result<serde_json::Value, _> = serde_yaml::from_str(text);
                assert!(read.is_ok(), "{name}: {read:?}\n{text}");
            }
        }
        let cronjob = &write(&scheduled("0 10 * * 2"), Scheduler::Kubernetes).unwrap()[0].1;
        let read: serde_json::Value = serde_yaml::from_str(cronjob).unwrap();
        let command = &read["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"];
        assert_eq!(command[5], "it's here.yaml");
    }
}
