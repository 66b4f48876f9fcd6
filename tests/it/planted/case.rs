//! What is planted, and what squall must say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall::action::{Action, Direction, Inverse, LinkEffect, LinkRule};
use squall::clock::Timestamp;
use squall::kafka::OffsetQuery;

use super::stage::{PARTITIONS, Ran, Stage};

/// `ApiKey` of EndTxn: what a Flink sink commits its transactions with.
const END_TXN: i16 = 26;

/// A job with a defect, and the run that is to find it.
pub struct Case {
    /// Name of its scenario.
    pub name: &'static str,
    /// What is planted, in words.
    pub planted: &'static str,
    /// Arguments of the job.
    pub job: &'static str,
    /// More of Flink's configuration for the job.
    pub config: &'static str,
    /// Records per second.
    pub rate: u32,
    /// How long they flow.
    pub seconds: u32,
    /// The timeline.
    pub timeline: &'static str,
    /// Commits of the sink are held back from here on, and how long: in seconds.
    pub hold_commits: Option<(u64, u64)>,
    /// Expectations, and how each must be judged.
    pub expect: &'static [(&'static str, &'static str)],
    /// The run's exit code.
    pub exit: i32,
    /// What must have gone wrong with how many records; what is not named must not have happened.
    pub wrong: fn(&Evidence) -> BTreeMap<&'static str, u64>,
    /// What else must be so: the mistakes, and what to say in the table.
    pub also: fn(&Evidence, &mut Vec<String>) -> String,
}

/// What was planted by the job's own account, what Kafka's client found, and what squall said.
pub struct Evidence {
    pub ran: Ran,
    /// Deeds by the job's diary: records by partition and offset, each once.
    pub records: BTreeSet<(u32, i64)>,
    /// Its lines.
    pub lines: usize,
    /// Ends of the input partitions.
    pub ends: Vec<i64>,
    pub oracle: Value,
}

impl Evidence {
    /// How many records there are to choose, of every `every`th.
    pub fn every(&self, every: i64) -> u64 {
        self.ends.iter().map(|end| (end / every) as u64).sum()
    }

    /// How many records the diary names.
    pub fn diary(&self) -> u64 {
        self.records.len() as u64
    }

    /// A count of Kafka's client.
    pub fn oracle(&self, count: &str) -> u64 {
        self.oracle[count].as_u64().unwrap()
    }

    pub fn report(&self) -> &Value {
        &self.ran.report
    }

    /// Restarts that no fault explains, and those that one does.
    pub fn restarts(&self) -> (usize, usize) {
        let restarts = self.report()["restarts"].as_array().unwrap();
        let foreign = restarts.iter().filter(|restart| restart["explained_by"].is_null()).count();
        (foreign, restarts.len() - foreign)
    }
}

/// Kinds of damage that are counted on both sides.
pub const KINDS: &[&str] = &["lost", "duplicates", "duplicate_copies", "reordered", "corrupt", "unexpected"];

/// One row of the table.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub planted: String,
    pub records: u64,
    /// Damage by the job and by arithmetic, by Kafka's client, and by squall.
    pub counts: Vec<(String, u64, u64, u64)>,
    pub said: String,
    pub exit: i32,
    pub mistakes: Vec<String>,
}

impl Case {
    fn scenario(&self, stage: &Stage, (input, sink): &(String, String)) -> String {
        let args: Vec<String> = self.job.split_whitespace().map(|arg| format!("\"{arg}\"")).collect();
        let expect: String = self.expect.iter().map(|(text, _)| format!("  - {text}\n")).collect();
        let mut text = String::new();
        write!(
            text,
            "name: {name}\n\
             about: \"{about}\"\n\
             job:\n\
             \x20 jar:\n\
             \x20   path: {jar}\n\
             \x20   class: dev.squall.jobs.PlantedJob\n\
             \x20   parallelism: 2\n\
             \x20   checkpoint: {{ interval: {interval}, mode: exactly-once }}\n\
             \x20   config: {{ {config} }}\n\
             \x20   args: [ --source, \"${{link.source}}\", --sink, \"${{link.sink}}\", --from, \"${{topic.orders}}\", --to, \"${{topic.enriched}}\",\n\
             \x20     --run, \"${{run}}\", --group, \"${{group}}\", --diary, {diary}, {args} ]\n\
             source: {{ topics: {{ orders: {{ name: {input} }} }}, group: planted-{name} }}\n\
             sink: {{ topics: {{ enriched: {{ name: {sink} }} }}, identity: header }}\n\
             traffic: {{ orders: {{ rate: {{ constant: {rate}/s }}, keys: {{ uniform: {{ distinct: 40 }} }}, value: {{ size: 100B }} }} }}\n\
             duration: {seconds}s\n\
             drain: {{ within: 60s }}\n\
             timeline: [ {timeline} ]\n\
             expect:\n{expect}\
             seed: 7\n",
            name = self.name,
            about = self.planted,
            jar = stage.jar().display(),
            interval = if self.hold_commits.is_some() { "2s" } else { "1s" },
            config = self.config,
            diary = self.diary(stage).display(),
            args = args.join(", "),
            rate = self.rate,
            seconds = self.seconds,
            timeline = self.timeline,
        )
        .unwrap();
        text
    }

    fn diary(&self, stage: &Stage) -> std::path::PathBuf {
        stage.folder().join(format!("{}.diary", self.name))
    }

    /// Runs it and holds what squall says against what was planted.
    pub fn perform(&self, stage: &Stage) -> Row {
        println!("{}", self.planted);
        let topics = stage.topics(self.name);
        let ran = stage.run(self.name, &self.scenario(stage, &topics), |zero| {
            if let Some((from, seconds)) = self.hold_commits {
                hold_commits(stage, zero.plus(Duration::from_secs(from)), seconds);
            }
        });
        let diary = std::fs::read_to_string(self.diary(stage)).unwrap_or_default();
        let record = |line: &str| line.split_once(' ').map(|(partition, offset)| (partition.parse().unwrap(), offset.parse().unwrap()));
        let evidence = Evidence {
            ran,
            records: diary.lines().filter_map(record).collect(),
            lines: diary.lines().count(),
            ends: stage.admin().topic_offsets(&topics.0, OffsetQuery::HighWatermark, Duration::from_secs(30)).unwrap(),
            oracle: stage.oracle(&topics.0, &topics.1),
        };
        let mut row = self.judge(&evidence);
        let again = stage.judged_again(&evidence.ran.folder);
        for kind in KINDS.iter().chain(&["in_input", "seen", "no_data"]) {
            let first = &evidence.report()["delivery"][*kind];
            if again[*kind] != *first {
                row.mistakes.push(format!("{kind}: first {first}, judged again from the topics {}", again[*kind]));
            }
        }
        if !row.mistakes.is_empty() {
            println!("{}\n{}", row.mistakes.join("\n"), evidence.ran.said);
        }
        row
    }

    fn judge(&self, evidence: &Evidence) -> Row {
        let delivery = &evidence.report()["delivery"];
        let mut mistakes = Vec::new();
        assert_eq!(evidence.ends.len(), PARTITIONS as usize);
        let sent = u64::from(self.rate * self.seconds);
        if delivery["acknowledged"] != sent || evidence.oracle("in_input") != sent {
            mistakes.push(format!("{sent} records were due, squall says {}, Kafka holds {}", delivery["acknowledged"], evidence.oracle));
        }
        let wrong = (self.wrong)(evidence);
        let mut counts = Vec::new();
        // Without an identity the counts mean nothing.
        let judged = delivery["no_data"].is_null();
        for kind in KINDS.iter().filter(|_| judged) {
            let planted = wrong.get(kind).copied().unwrap_or(0);
            let found = evidence.oracle(kind);
            let said = delivery[*kind].as_u64().unwrap();
            if said != planted || found != planted {
                mistakes.push(format!("{kind}: planted {planted}, Kafka's client finds {found}, squall says {said}"));
            }
            if planted > 0 || said > 0 {
                counts.push(((*kind).to_owned(), planted, found, said));
            }
        }
        for kind in ["pending", "lost_by_kafka"] {
            if delivery[kind] != 0 {
                mistakes.push(format!("{kind}: {}", delivery[kind]));
            }
        }
        for (expectation, (text, status)) in evidence.report()["expectations"].as_array().unwrap().iter().zip(self.expect) {
            if expectation["status"] != *status {
                mistakes.push(format!("`{text}` must be {status}: {expectation}"));
            }
        }
        let said = (self.also)(evidence, &mut mistakes);
        if evidence.ran.code != self.exit {
            mistakes.push(format!("exit code {}, not {}", evidence.ran.code, self.exit));
        }
        Row { planted: self.planted.to_owned(), records: sent, counts, said, exit: evidence.ran.code, mistakes }
    }
}

/// Keeps the requests back that would commit the sink's transactions.
fn hold_commits(stage: &Stage, from: Timestamp, seconds: u64) {
    std::thread::sleep(from.remaining());
    let rule = LinkRule { direction: Direction::Upstream, effect: LinkEffect::HoldRequest { api_key: END_TXN } };
    let performed = stage.runtime.block_on(stage.cluster.perform(&Action::Link { link: "sink".into(), rule }, None)).unwrap();
    println!("{}", performed.what);
    std::thread::sleep(Duration::from_secs(seconds));
    stage.runtime.block_on(stage.cluster.undo(&Inverse::RemoveRule { link: "sink".into() })).unwrap();
}
