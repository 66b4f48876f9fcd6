//! The Kafka room against a real broker, named by `SQUALL_TEST_KAFKA` (`host:port`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use squall::clock::{self, Timestamp};
use squall::kafka::{
    Admin, Connection, Delivery, Isolation, KafkaError, NewTopic, OffsetQuery, Outgoing, Producer, ReadError, Reader, ReaderSettings,
    Sending, Start, TimestampKind,
};

const WITHIN: Duration = Duration::from_secs(20);

/// The broker for live tests; none skips them, except where `CI=true` forbids that.
pub fn broker(test: &str) -> Option<Connection> {
    if let Ok(address) = std::env::var("SQUALL_TEST_KAFKA") {
        return Some(Connection::plain(address));
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test}: SQUALL_TEST_KAFKA must name a broker");
    eprintln!("skipped: {test}: SQUALL_TEST_KAFKA names no broker");
    None
}

/// A topic of this test only, removed at the end.
pub struct Scratch {
    pub admin: Admin,
    pub name: String,
}

impl Scratch {
    pub fn new(connection: &Connection, about: &str, partitions: u32, config: &[(&str, &str)]) -> Self {
        let admin = Admin::new(connection).unwrap();
        let name = format!("squall-test-{about}-{}", clock::now().0);
        let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        admin.create_topic(&NewTopic { name: name.clone(), partitions, replicas: 1, config }, WITHIN).unwrap();
        Self { admin, name }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.admin.delete_topic(&self.name, WITHIN) {
            eprintln!("{error}");
        }
    }
}

/// Sends `count` records round the partitions and waits for their outcomes.
fn send(producer: &mut Producer, topic: &str, partitions: u32, count: u64) -> Vec<(u64, u32, i64)> {
    let topic = producer.open(topic).unwrap();
    let mut acknowledged = Vec::new();
    let mut outcome = |id, delivery| match delivery {
        Delivery::Acknowledged { partition, offset, .. } => acknowledged.push((id, partition, offset)),
        other => panic!("{other:?}"),
    };
    for id in 0..count {
        let key = format!("key-{id}");
        let value = [id as u8; 100];
        let identity = id.to_le_bytes();
        let record = Outgoing {
            topic,
            partition: (id % u64::from(partitions)) as u32,
            key: Some(key.as_bytes()),
            value: (!id.is_multiple_of(10)).then_some(&value),
            header: Some((c"squall", &identity)),
            timestamp: Timestamp::from_millis(1_000_000 + id as i64),
            id,
        };
        while producer.send(&record) == Sending::QueueFull {
            producer.poll(Duration::from_millis(1), &mut outcome);
        }
        if id % 100 == 0 {
            producer.poll(Duration::ZERO, &mut outcome);
        }
    }
    producer.close(WITHIN, &mut outcome);
    acknowledged
}

/// Reads until every partition was found at its end.
fn drain(reader: &mut Reader, topic: usize, mut record: impl FnMut(&squall::kafka::Received<'_>)) -> Vec<ReadError> {
    let mut ended = vec![false; reader.partitions(topic) as usize];
    let mut errors = Vec::new();
    let deadline = clock::now().plus(WITHIN);
    while !ended.iter().all(|ended| *ended) {
        let step = reader.poll(Duration::from_millis(100), &mut record);
        step.ended.iter().for_each(|(_, partition)| ended[*partition as usize] = true);
        errors.extend(step.errors);
        assert!(!deadline.remaining().is_zero(), "no end: {ended:?} {errors:?} {:?}", reader.complaints());
    }
    errors
}

#[test]
fn what_is_sent_comes_back_as_it_was() {
    let Some(connection) = broker("what_is_sent_comes_back_as_it_was") else { return };
    let topic = Scratch::new(&connection, "round", 3, &[]);
    let mut producer = Producer::new(&connection, &BTreeMap::new()).unwrap();
    let acknowledged = send(&mut producer, &topic.name, 3, 20_000);
    assert_eq!(acknowledged.len(), 20_000);

    let mut reader = Reader::new(&connection, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
    let index = reader.open(&topic.name).unwrap();
    (0..3).for_each(|partition| reader.start(index, partition, Start::Earliest).unwrap());
    let mut seen = vec![None; 20_000];
    drain(&mut reader, index, |record| {
        let id = u64::from_le_bytes(record.header(c"squall").unwrap().try_into().unwrap());
        assert_eq!(record.key().unwrap(), format!("key-{id}").as_bytes());
        assert_eq!(record.value(), (!id.is_multiple_of(10)).then_some(&[id as u8; 100][..]));
        assert_eq!(record.timestamp(), Some((Timestamp::from_millis(1_000_000 + id as i64), TimestampKind::Create)));
        assert!(record.header(c"other").is_none());
        assert!(seen[id as usize].replace((record.partition, record.offset)).is_none());
    });
    for (id, partition, offset) in acknowledged {
        assert_eq!(seen[id as usize], Some((partition, offset)));
    }
    let ends = topic.admin.topic_offsets(&topic.name, OffsetQuery::HighWatermark, WITHIN).unwrap();
    assert_eq!(ends.iter().sum::<i64>(), 20_000);
    for partition in 0..3 {
        assert_eq!(reader.position(index, partition), Some(ends[partition as usize]));
        assert_eq!(reader.high_watermark(index, partition), Some(ends[partition as usize]));
    }
    let later = OffsetQuery::AtOrAfter(Timestamp::from_millis(1_000_000 + 300));
    assert_eq!(topic.admin.topic_offsets(&topic.name, later, WITHIN).unwrap(), [100, 100, 100]);
}

#[test]
fn open_and_aborted_transactions_hide_records() {
    let Some(connection) = broker("open_and_aborted_transactions_hide_records") else { return };
    let topic = Scratch::new(&connection, "transaction", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let settings = BTreeMap::from([("transactional.id".to_owned(), topic.name.clone())]);
    let mut producer = Producer::new(&connection, &settings).unwrap();
    producer.init_transactions(WITHIN).unwrap();
    producer.begin_transaction().unwrap();
    send(&mut producer, &topic.name, 1, 50);
    producer.commit_transaction(WITHIN, |_, _| {}).unwrap();
    producer.begin_transaction().unwrap();
    send(&mut producer, &topic.name, 1, 30);

    // 50 records, a marker, and 30 that nobody may see yet.
    let offset = |query| topic.admin.topic_offsets(&topic.name, query, WITHIN).unwrap()[0];
    assert_eq!((offset(OffsetQuery::LastStable), offset(OffsetQuery::HighWatermark)), (51, 81));
    let mut reader = Reader::new(&connection, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
    let index = reader.open(&topic.name).unwrap();
    reader.start(index, 0, Start::Earliest).unwrap();
    let mut seen = 0;
    drain(&mut reader, index, |record| {
        assert_eq!(record.timestamp().unwrap().1, TimestampKind::LogAppend);
        seen += 1;
    });
    assert_eq!((seen, reader.position(index, 0)), (50, Some(51)));

    producer.abort_transaction(WITHIN, |_, _| {}).unwrap();
    let deadline = clock::now().plus(WITHIN);
    while reader.position(index, 0) != Some(82) {
        let step = reader.poll(Duration::from_millis(50), |_| panic!("an aborted record"));
        assert_eq!(step.errors, []);
        assert!(!deadline.remaining().is_zero(), "position stays at {:?}", reader.position(index, 0));
    }
    assert_eq!(offset(OffsetQuery::LastStable), 82);
}

#[test]
fn topics_grow_lose_records_and_change_settings() {
    let Some(connection) = broker("topics_grow_lose_records_and_change_settings") else { return };
    let topic = Scratch::new(&connection, "admin", 1, &[("retention.ms", "3600000")]);
    let admin = &topic.admin;
    let setting = |name: &str| admin.topic_config(&topic.name, WITHIN).unwrap()[name].clone();
    assert_eq!(setting("retention.ms").value.as_deref(), Some("3600000"));
    admin.set_topic_config(&topic.name, "segment.ms", Some("60000"), WITHIN).unwrap();
    // The controller has agreed; the broker that is asked hears of it a little later.
    let becomes = |own: bool| {
        let deadline = clock::now().plus(WITHIN);
        while setting("segment.ms").own != own {
            assert!(!deadline.remaining().is_zero());
        }
    };
    becomes(true);
    assert!(setting("retention.ms").own);
    admin.set_topic_config(&topic.name, "segment.ms", None, WITHIN).unwrap();
    becomes(false);
    let refused = admin.set_topic_config(&topic.name, "segment.ms", Some("soon"), WITHIN).unwrap_err().to_string();
    assert!(refused.contains("segment.ms") && refused.contains("soon"), "{refused}");

    let mut producer = Producer::new(&connection, &BTreeMap::new()).unwrap();
    send(&mut producer, &topic.name, 1, 100);
    let mut reader = Reader::new(&connection, &ReaderSettings::new(Isolation::ReadUncommitted)).unwrap();
    let index = reader.open(&topic.name).unwrap();
    // The second partition does not exist yet.
    reader.start(index, 0, Start::At(90)).unwrap();
    reader.start(index, 1, Start::Earliest).unwrap();
    admin.grow_topic(&topic.name, 2, WITHIN).unwrap();
    let deadline = clock::now().plus(WITHIN);
    while admin.partitions(&topic.name, WITHIN).unwrap() < 2 {
        assert!(!deadline.remaining().is_zero());
    }
    let mut producer = Producer::new(&connection, &BTreeMap::new()).unwrap();
    send(&mut producer, &topic.name, 2, 20);
    let mut seen = [0; 2];
    while seen != [20, 10] {
        reader.poll(Duration::from_millis(100), |record| seen[record.partition as usize] += 1);
        assert!(!deadline.remaining().is_zero(), "{seen:?}");
    }

    admin.delete_records(&topic.name, 0, 50, WITHIN).unwrap();
    assert_eq!(admin.topic_offsets(&topic.name, OffsetQuery::Earliest, WITHIN).unwrap(), [50, 0]);
    let mut reader = Reader::new(&connection, &ReaderSettings::new(Isolation::ReadUncommitted)).unwrap();
    let index = reader.open(&topic.name).unwrap();
    reader.start(index, 0, Start::At(10)).unwrap();
    let mut first = None;
    let errors = drain(&mut reader, index, |record| first = first.or(Some(record.offset)));
    assert_eq!((errors, first), (vec![ReadError::Gone { topic: 0, partition: 0, expected: 10 }], Some(50)));
}

#[test]
fn a_group_is_read_without_joining() {
    let Some(connection) = broker("a_group_is_read_without_joining") else { return };
    let admin = Admin::new(&connection).unwrap();
    assert_eq!(admin.group_offsets("squall-test-no-such-group", WITHIN).unwrap(), []);
    assert!(admin.delete_group("squall-test-no-such-group", WITHIN).is_err());
    let metadata = admin.metadata(WITHIN).unwrap();
    assert!(admin.cluster_id().is_some() && metadata.brokers.len() == 1, "{metadata:?}");
}

#[test]
fn errors_say_what_to_mend() {
    let Some(connection) = broker("errors_say_what_to_mend") else { return };
    let admin = Admin::new(&connection).unwrap();
    assert!(matches!(admin.partitions("squall-test-no-such-topic", WITHIN), Err(KafkaError::NoTopic(_))));
    assert!(matches!(admin.delete_topic("squall-test-no-such-topic", WITHIN), Err(KafkaError::NoTopic(_))));
    let topic = Scratch::new(&connection, "twice", 1, &[]);
    let again = NewTopic { name: topic.name.clone(), partitions: 1, replicas: 1, config: BTreeMap::new() };
    assert!(matches!(admin.create_topic(&again, WITHIN), Err(KafkaError::TopicExists(_))));

    let mut tls = connection.clone();
    tls.properties.insert("security.protocol".into(), "ssl".into());
    let error = tls.check(Duration::from_secs(5)).unwrap_err();
    assert!(matches!(error, KafkaError::Tls(_) | KafkaError::Unreachable { .. }), "{error}");

    let mut producer = Producer::new(&connection, &BTreeMap::new()).unwrap();
    let handle = producer.open(&topic.name).unwrap();
    let record = Outgoing { topic: handle, partition: 7, key: None, value: Some(b"x"), header: None, timestamp: clock::now(), id: 5 };
    let mut outcomes = Vec::new();
    match producer.send(&record) {
        Sending::Queued => producer.close(WITHIN, |id, delivery| outcomes.push((id, delivery))),
        Sending::Refused(code) => outcomes.push((5, Delivery::Failed(code))),
        other => panic!("{other:?}"),
    }
    assert!(matches!(outcomes[..], [(5, Delivery::Failed(_))]), "{outcomes:?}");
}
