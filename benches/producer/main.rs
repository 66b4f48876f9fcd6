//! squall's producer on a real Kafka, beside kafka-producer-perf-test and a bare librdkafka loop; tables for docs/benchmarks.md
//! on stdout. `./dev bench producer` starts the Kafka and names it in `KAFKA`, and Kafka's jars in `KAFKA_CLASS_PATH`.
//!
//! squall sends with everything on: keys, identity, books, histograms, ledger. The bare loop hands records of the same shape to
//! librdkafka and counts delivery reports. All take turns, round after round, so that what else the machine does hits all.
//! Words choose a part: `throughput`, `slip`, `cost`.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

mod bare;
mod cost;
mod generator;
mod perf_test;
mod sleeper;

use std::time::Duration;

use hdrhistogram::Histogram;
use squall::clock;
use squall::kafka::{Admin, Connection, NewTopic};
use squall::traffic::Placement;

use bare::Call;
use sleeper::Sleeper;

/// Rounds of everything; medians are printed.
const ROUNDS: usize = 5;
/// Measured, after [`WARM_UP`].
const MEASURED: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(2);
const PARTITIONS: u32 = 4;
/// Offered per second where as much as possible is to be sent.
const TOO_MUCH: u64 = 5_000_000;

fn main() {
    let Ok(bootstrap) = std::env::var("KAFKA") else {
        println!("skipped: KAFKA names no broker");
        return;
    };
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["send", size, rate, topic] = words[..] {
        return cost::send(&bootstrap, size.parse().unwrap(), rate.parse().unwrap(), topic);
    }
    let bench = Bench { bootstrap };
    match words[..] {
        ["throughput"] => bench.throughput(),
        ["slip"] => bench.slip(),
        ["cost"] => bench.cost(),
        [] => {
            bench.throughput();
            bench.slip();
            bench.cost();
        }
        _ => panic!("{words:?}: throughput, slip or cost"),
    }
}

/// The broker that is sent to.
struct Bench {
    bootstrap: String,
}

/// Figures of one row over the rounds.
#[derive(Default)]
struct Rounds(Vec<f64>);

impl Rounds {
    fn sorted(&self) -> Vec<f64> {
        let mut all = self.0.clone();
        all.sort_by(f64::total_cmp);
        all
    }

    fn median(&self) -> f64 {
        self.sorted()[self.0.len() / 2]
    }

    fn range(&self) -> (f64, f64) {
        let all = self.sorted();
        (all[0], all[all.len() - 1])
    }
}

fn thousands(rate: f64) -> String {
    format!("{:.0} k/s", rate / 1000.0)
}

impl Bench {
    /// Runs `work` with a topic of its own, which is gone afterwards: the broker's disk stays small.
    fn with_topic<T>(&self, work: impl FnOnce(&str) -> T) -> T {
        let within = Duration::from_secs(30);
        let admin = Admin::new(&Connection::plain(&self.bootstrap)).unwrap();
        let name = format!("squall-bench-{}", clock::now().0);
        admin.create_topic(&NewTopic { name: name.clone(), partitions: PARTITIONS, replicas: 1, config: [].into() }, within).unwrap();
        let done = work(&name);
        admin.delete_topic(&name, within).unwrap();
        done
    }

    /// Records a second that squall gets acknowledged when it is asked for too many.
    fn most(&self, size: usize, placement: &Placement) -> f64 {
        self.with_topic(|topic| generator::run(&self.bootstrap, topic, size, TOO_MUCH, placement.clone(), MEASURED).rate)
    }

    fn throughput(&self) {
        for size in [100, 1024] {
            let mut rows: [(&str, Rounds); 6] = [
                ("kafka-producer-perf-test (Java; no key, no header)", Rounds::default()),
                ("bare librdkafka loop, key and header", Rounds::default()),
                ("**squall**, identity in a header", Rounds::default()),
                ("bare librdkafka loop, key", Rounds::default()),
                ("**squall**, identity in the value", Rounds::default()),
                ("bare librdkafka loop, key, `rd_kafka_produce_batch`", Rounds::default()),
            ];
            for round in 0..ROUNDS {
                let rates = [
                    self.with_topic(|topic| perf_test::throughput(&self.bootstrap, topic, size)),
                    self.with_topic(|topic| bare::run(&self.bootstrap, topic, size, Call::Header)),
                    self.most(size, &Placement::Header),
                    self.with_topic(|topic| bare::run(&self.bootstrap, topic, size, Call::Produce)),
                    self.most(size, &Placement::ValuePrefix),
                    self.with_topic(|topic| bare::run(&self.bootstrap, topic, size, Call::Batch)),
                ];
                eprintln!("{size} B, round {}: {}", round + 1, rates.map(thousands).join(", "));
                rows.iter_mut().zip(rates).for_each(|((_, rounds), rate)| rounds.0.push(rate));
            }
            let (peer, with_header, without) = (rows[0].1.median(), rows[1].1.median(), rows[3].1.median());
            println!(
                "\n| {size} B, acks=all, idempotent | records/s, median | lowest … highest | ÷ perf-test | ÷ bare loop |\n|---|--:|--:|--:|--:|"
            );
            for (row, (name, rounds)) in rows.iter().enumerate() {
                let (low, high) = rounds.range();
                let bare = match row {
                    2 => format!("{:.2}", rounds.median() / with_header),
                    4 | 5 => format!("{:.2}", rounds.median() / without),
                    _ => String::new(),
                };
                let (median, low, high) = (thousands(rounds.median()), thousands(low), thousands(high));
                println!("| {name} | {median} | {low} … {high} | {:.2} | {bare} |", rounds.median() / peer);
            }
        }
    }

    fn slip(&self) {
        const TIMES: usize = 3;
        let mut most = Rounds::default();
        (0..TIMES).for_each(|_| most.0.push(self.most(100, &Placement::Header)));
        let most = most.median();
        println!(
            "\n| 100 B, share of {} | slip p50 | p99 | p99.9 | max | a sleeper, late by p50 | p99 | p99.9 | produce latency p50 | p99 | unsent |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
            thousands(most)
        );
        for share in [0.1, 0.5, 0.8] {
            let mut slip = Histogram::<u64>::new(3).unwrap();
            let mut latency = Histogram::<u64>::new(3).unwrap();
            let mut unsent = 0;
            let sleeper = Sleeper::start();
            for _ in 0..TIMES {
                let rate = (most * share) as u64;
                let run =
                    self.with_topic(|topic| generator::run(&self.bootstrap, topic, 100, rate, Placement::Header, Duration::from_secs(8)));
                slip.add(&run.slip).unwrap();
                latency.add(&run.latency).unwrap();
                unsent += run.unsent;
            }
            let late = sleeper.stop();
            let at = |histogram: &Histogram<u64>, quantile| time(histogram.value_at_quantile(quantile));
            println!(
                "| {:.0} % | {} | {} | {} | {} | {} | {} | {} | {} | {} | {unsent} |",
                share * 100.0,
                at(&slip, 0.5),
                at(&slip, 0.99),
                at(&slip, 0.999),
                time(slip.max()),
                at(&late, 0.5),
                at(&late, 0.99),
                at(&late, 0.999),
                at(&latency, 0.5),
                at(&latency, 0.99),
            );
        }
    }

    fn cost(&self) {
        const RATE: u64 = 100_000;
        const TIMES: usize = 3;
        println!("\n| 100 B at {} k/s | CPU, s per s | memory, MB |\n|---|--:|--:|", RATE / 1000);
        let mut rows =
            [("kafka-producer-perf-test", Rounds::default(), Rounds::default()), ("**squall**", Rounds::default(), Rounds::default())];
        for _ in 0..TIMES {
            let used = [
                self.with_topic(|topic| cost::measure(perf_test::command(&self.bootstrap, topic, 100, RATE, RATE * 60))),
                self.with_topic(|topic| cost::measure(cost::own(100, RATE, topic))),
            ];
            for ((_, cpu, memory), used) in rows.iter_mut().zip(used) {
                cpu.0.push(used.cpu);
                memory.0.push(used.megabytes);
            }
        }
        for (name, cpu, memory) in &rows {
            println!("| {name} | {:.2} | {:.0} |", cpu.median(), memory.median());
        }
        println!("| ratio | {:.2} | {:.2} |", rows[1].1.median() / rows[0].1.median(), rows[1].2.median() / rows[0].2.median());
    }
}

/// Microseconds, as people read them.
fn time(micros: u64) -> String {
    if micros < 1000 { format!("{micros} µs") } else { format!("{:.1} ms", micros as f64 / 1000.0) }
}
