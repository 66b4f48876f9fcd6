use std::process::{Command, Stdio};

/// What perf-test is given: the same durability and lingering as squall, and batches large enough that they are not its limit.
const PROPERTIES: [&str; 6] =
    ["acks=all", "enable.idempotence=true", "linger.ms=5", "batch.size=131072", "buffer.memory=268435456", "compression.type=none"];

/// kafka-producer-perf-test, throttled to `rate` records a second; 0 is as fast as it goes.
pub fn command(bootstrap: &str, topic: &str, size: usize, rate: u64, records: u64) -> Command {
    let class_path = std::env::var("KAFKA_CLASS_PATH").expect("KAFKA_CLASS_PATH names kafka-tools and what it needs");
    let mut command = Command::new("java");
    // What kafka-run-class.sh gives a tool.
    command.args(["-Xmx512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"]);
    command.args(["-cp", &class_path, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic]);
    command.arg("--num-records").arg(records.to_string()).arg("--record-size").arg(size.to_string());
    command.arg("--throughput").arg(if rate == 0 { "-1".to_owned() } else { rate.to_string() });
    command.arg("--command-property").arg(format!("bootstrap.servers={bootstrap}")).args(PROPERTIES);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Records a second once it is warm, by its own last line.
pub fn throughput(bootstrap: &str, topic: &str, size: usize) -> f64 {
    // About two seconds of warm-up and four of measuring on a small machine.
    let (warm_up, records) = if size > 500 { (300_000, 900_000) } else { (1_500_000, 4_500_000) };
    let mut command = command(bootstrap, topic, size, 0, records);
    command.arg("--warmup-records").arg(warm_up.to_string());
    let output = command.output().expect("java");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rfind(|line| line.contains("steady state") && line.contains("records/sec"));
    let rate = line.and_then(|line| line.split(", ").find_map(|part| part.split(" records/sec").next()?.trim().parse().ok()));
    rate.unwrap_or_else(|| panic!("no steady state in: {text}"))
}
