//! A Kafka producer through each way: as many records as go, and what a way adds to the time until a record is acknowledged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use squall::clock::{self, Timestamp};
use squall::kafka::{Admin, Connection, Delivery, NewTopic, Outgoing, Producer, Sending, TopicHandle};
use squall::proxy::{LinkConfig, Protocol};

use super::{Result, median, percentile, sorted, toxiproxy};

const ROUNDS: usize = 5;
const PARTITIONS: u32 = 4;
const WITHIN: Duration = Duration::from_secs(30);
/// Of each throughput round, after a second of warm-up.
const SECONDS: u64 = 3;
/// Records of each latency round, a millisecond apart.
const PACED: u64 = 2_000;

/// Where clients of a way connect, and what its proxy leads to; none is direct.
pub struct Way {
    pub name: String,
    advertised: SocketAddr,
    upstream: Option<SocketAddr>,
}

/// `direct=A squall=B,C toxiproxy=D,E`.
pub fn ways(text: &str) -> Result<Vec<Way>> {
    let way = |word: &str| -> Result<Way> {
        let (name, addresses) = word.split_once('=').ok_or("a way is NAME=ADDRESS[,ADDRESS]")?;
        let mut addresses = addresses.split(',').map(str::parse);
        let advertised = addresses.next().ok_or("a way has an address")??;
        Ok(Way { name: name.to_owned(), advertised, upstream: addresses.next().transpose()? })
    };
    text.split_whitespace().map(way).collect()
}

impl Way {
    pub fn link(&self) -> Option<LinkConfig> {
        let upstream = self.upstream?.to_string();
        Some(LinkConfig { name: "kafka".into(), listen: self.advertised, upstream, protocol: Protocol::Kafka })
    }

    pub fn through_toxiproxy(&self, api: &str) -> Result<()> {
        self.upstream.map_or(Ok(()), |upstream| toxiproxy(api, self.advertised, upstream))
    }
}

pub fn kafka(ways: &[Way]) -> Result<()> {
    let admin = Admin::new(&Connection::plain(ways[0].advertised.to_string()))?;
    let topic = format!("squall-bench-proxy-{}", std::process::id());
    let new = NewTopic {
        name: topic.clone(),
        partitions: PARTITIONS,
        replicas: 1,
        config: [("retention.bytes".into(), "268435456".into())].into(),
    };
    admin.create_topic(&new, WITHIN)?;
    let mut rates = BTreeMap::<(usize, usize), Vec<f64>>::new();
    let mut latencies = BTreeMap::<(usize, usize), Vec<f64>>::new();
    for _ in 0..ROUNDS {
        for size in [100, 1024] {
            for (index, way) in ways.iter().enumerate() {
                rates.entry((size, index)).or_default().push(flat_out(way, &topic, size)?);
                latencies.entry((size, index)).or_default().extend(paced(way, &topic, size)?);
            }
        }
    }
    admin.delete_topic(&topic, WITHIN)?;
    for size in [100, 1024] {
        println!("| {size} B, acks=all | records/s | × direct | p50 | p99 | added p50 | added p99 |\n|---|---|---|---|---|---|---|");
        let rate = |index: usize| median(rates[&(size, index)].clone());
        let at = |index: usize, share| percentile(&sorted(latencies[&(size, index)].clone()), share);
        for (index, way) in ways.iter().enumerate() {
            let (p50, p99) = (at(index, 0.5), at(index, 0.99));
            let (added50, added99) = (p50 - at(0, 0.5), p99 - at(0, 0.99));
            let (rate, ratio) = (rate(index), rate(index) / rate(0));
            println!("| {} | {rate:.0} | {ratio:.2} | {p50:.0} us | {p99:.0} us | {added50:+.0} us | {added99:+.0} us |", way.name);
        }
        println!();
    }
    Ok(())
}

fn producer(way: &Way, topic: &str, linger_ms: &str) -> Result<(Producer, TopicHandle)> {
    let settings = BTreeMap::from([("linger.ms".to_owned(), linger_ms.to_owned())]);
    let mut producer = Producer::new(&Connection::plain(way.advertised.to_string()), &settings)?;
    let topic = producer.open(topic)?;
    Ok((producer, topic))
}

fn record(topic: TopicHandle, id: u64, value: &[u8]) -> Outgoing<'_> {
    let partition = (id % u64::from(PARTITIONS)) as u32;
    Outgoing { topic, partition, key: None, value: Some(value), header: None, timestamp: Timestamp(0), id }
}

/// Records acknowledged a second, when as many are sent as are taken.
fn flat_out(way: &Way, topic: &str, size: usize) -> Result<f64> {
    let (mut producer, topic) = producer(way, topic, "5")?;
    let value = vec![b'x'; size];
    let counted_from = clock::now().plus(Duration::from_secs(1));
    let end = counted_from.plus(Duration::from_secs(SECONDS));
    let (mut id, mut acknowledged) = (0u64, 0u64);
    let mut count = |_: u64, delivery: Delivery| {
        if matches!(delivery, Delivery::Acknowledged { at, .. } if at >= counted_from && at < end) {
            acknowledged += 1;
        }
    };
    while clock::now() < end {
        for _ in 0..1_000 {
            match producer.send(&record(topic, id, &value)) {
                Sending::Queued => id += 1,
                Sending::QueueFull => break,
                other => return Err(format!("{other:?}").into()),
            }
        }
        producer.poll(Duration::ZERO, &mut count);
    }
    producer.close(WITHIN, |_, _| {});
    Ok(acknowledged as f64 / SECONDS as f64)
}

/// Microseconds from handing a record over to its acknowledgement, at a thousand records a second, each sent at once.
fn paced(way: &Way, topic: &str, size: usize) -> Result<Vec<f64>> {
    const WARM_UP: u64 = 200;
    let (mut producer, topic) = producer(way, topic, "0")?;
    let value = vec![b'x'; size];
    let mut sent = Vec::with_capacity((WARM_UP + PACED) as usize);
    let mut micros = Vec::with_capacity(PACED as usize);
    let mut take = |sent: &[Timestamp], id: u64, delivery: Delivery| {
        if let (Delivery::Acknowledged { at, .. }, true) = (delivery, id >= WARM_UP) {
            micros.push(at.seconds_since(sent[id as usize]) * 1e6);
        }
    };
    let mut next = clock::now();
    for id in 0..WARM_UP + PACED {
        next = next.plus(Duration::from_millis(1));
        while !next.remaining().is_zero() {
            producer.poll(next.remaining(), |id, delivery| take(&sent, id, delivery));
        }
        sent.push(clock::now());
        if producer.send(&record(topic, id, &value)) != Sending::Queued {
            return Err("the queue is full at a thousand records a second".into());
        }
    }
    producer.close(WITHIN, |id, delivery| take(&sent, id, delivery));
    Ok(micros)
}
