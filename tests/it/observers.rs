//! Others who look at the same pipeline: Kafka's own tools, and the JobManager's log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use squall::clock::{self, Timestamp};
use squall::journal::{EventKind, Of, Reader, RunFolder};
use squall::metric::Metric;

/// What `kafka-consumer-groups` and `kafka-get-offsets` said, and when they ran.
pub struct KafkaTools {
    from: Timestamp,
    to: Timestamp,
    /// By topic and partition: committed, log end, lag.
    groups: BTreeMap<(String, u32), (i64, i64, i64)>,
    /// By topic and partition: log end.
    ends: BTreeMap<(String, u32), i64>,
}

/// The jar of Kafka's tools in the broker's version, which a broker needs not; fetched once.
fn tools_jar(brokers: &str) -> PathBuf {
    let (_, version) = brokers.split_once("kafka-clients-").expect("the client's jar");
    let version = version.split_once(".jar").unwrap().0;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let jar = folder.join(format!("kafka-tools-{version}.jar"));
    if !jar.exists() {
        let output = Command::new("mvn")
            .args(["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"])
            .arg(format!("-Dartifact=org.apache.kafka:kafka-tools:{version}"))
            .arg(format!("-DoutputDirectory={}", folder.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    jar
}

/// Runs both tools with the jars of a broker that is running.
pub fn kafka_tools(broker: i32, bootstrap: &str, group: &str, topic: &str) -> KafkaTools {
    let arguments = std::fs::read(format!("/proc/{broker}/cmdline")).unwrap();
    let arguments: Vec<_> = arguments.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect();
    let brokers = &arguments[arguments.iter().position(|argument| argument == "-cp").expect("a class path") + 1];
    let jars = format!("{brokers}:{}", tools_jar(brokers).display());
    let tool = |class: &str, more: &[&str]| {
        let output = Command::new(&arguments[0])
            .args(["-Xmx128m", "-cp", &jars, class, "--bootstrap-server", bootstrap])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{class}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let from = clock::now();
    let described = tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &["--describe", "--group", group]);
    let offsets = tool("org.apache.kafka.tools.GetOffsetShell", &["--topic", topic]);
    let to = clock::now();
    let number = |text: &str| text.parse::<i64>().ok();
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, topic, partition, committed, end, lag, ..] = words[..] else { return None };
        Some(((topic.to_owned(), partition.parse().ok()?), (number(committed)?, number(end)?, number(lag)?)))
    };
    let end = |line: &str| {
        let (place, end) = line.rsplit_once(':')?;
        let (topic, partition) = place.rsplit_once(':')?;
        Some(((topic.to_owned(), partition.parse().ok()?), number(end)?))
    };
    KafkaTools { from, to, groups: described.lines().filter_map(row).collect(), ends: offsets.lines().filter_map(end).collect() }
}

/// What squall saw of a partition: when, log end, committed lag.
type Looks = BTreeMap<(String, u32), Vec<(Timestamp, i64, Option<i64>)>>;

fn looks(folder: &RunFolder) -> Looks {
    let mut looks = Looks::new();
    for event in Reader::open(folder).unwrap() {
        let event = event.unwrap();
        let EventKind::Sample { metric, of: Of::Partition { topic, partition }, value } = event.event else { continue };
        let looks = looks.entry((topic, partition)).or_default();
        match metric {
            Metric::LogEnd => looks.push((event.at, value as i64, None)),
            Metric::CommittedLag => looks.last_mut().unwrap().2 = Some(value as i64),
            _ => {}
        }
    }
    looks
}

/// Asserts that squall's offsets agree with the tools': the tools' log end lies between two looks of squall's that follow one
/// another, and what they say was committed then is what squall says was committed around these looks.
pub fn agree_on_lag(folder: &RunFolder, tools: &KafkaTools) {
    let looks = looks(folder);
    assert_eq!(tools.groups.len(), 4, "{:?}", tools.groups);
    for (place, (committed, end, lag)) in &tools.groups {
        let looks = &looks[place];
        let after = looks.iter().position(|(_, seen, _)| seen >= end).expect("a look after the tool's");
        let (first, last) = (after.saturating_sub(2), (after + 1).min(looks.len() - 1));
        let within = |at: Timestamp| at.0 >= tools.from.0 - 1_000_000_000 && at.0 <= tools.to.0 + 1_000_000_000;
        assert!(within(looks[after].0) && looks[first].1 <= *end, "{place:?}: the tool's {end} was seen at another time");
        let at = |look: &(Timestamp, i64, Option<i64>)| look.1 - look.2.expect("a group that commits");
        let (low, high) = (at(&looks[first]), at(&looks[last]));
        println!(
            "{}/{}: kafka-consumer-groups: committed {committed}, end {end}, lag {lag}; squall: lag {} at end {}, then {} at {}",
            place.0,
            place.1,
            looks[first].2.unwrap(),
            looks[first].1,
            looks[last].2.unwrap(),
            looks[last].1
        );
        assert!((low..=high).contains(committed), "{place:?}: committed {committed} is not within {low}..={high}");
        assert_eq!(end - committed, *lag);
        assert!(tools.ends[place] >= *end && tools.ends[place] <= looks.last().unwrap().1);
    }
}

/// Moments in a JobManager's log after `from`: when the job or its first task left RUNNING, and when the last of its tasks ran again.
pub fn outage_in_log(log: &Path, from: Timestamp) -> (Timestamp, Timestamp) {
    let text = std::fs::read_to_string(log).unwrap();
    let moment = |line: &str| {
        let stamp = line.get(..23)?.replace(',', ".");
        let civil: DateTime = stamp.parse().ok()?;
        Some(Timestamp(i64::try_from(civil.to_zoned(TimeZone::system()).ok()?.timestamp().as_nanosecond()).ok()?))
    };
    let find = |parts: &[&str], from: Timestamp| -> Vec<Timestamp> {
        let wanted = |line: &&str| parts.iter().any(|part| line.contains(part));
        text.lines().filter(wanted).filter_map(moment).filter(|at| *at > from).collect()
    };
    let left =
        find(&["switched from RUNNING to FAILED", "switched from state RUNNING to"], from).first().copied().expect("it left RUNNING");
    let ran = find(&["switched from INITIALIZING to RUNNING"], left).last().copied().expect("its tasks ran again");
    (left, ran)
}
