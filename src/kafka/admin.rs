//! What a cluster is made of, and changing it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic as LibraryTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError as Library, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaType;

use super::certificate;
use super::client::Complaints;
use super::connection::Connection;
use super::error::{ErrorCode, KafkaError};
use super::native::{self, Native};
use super::raw_admin;
use crate::clock;

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// The address that it advertises on the listener that was asked.
    pub address: String,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its leader; none while there is none.
    pub leader: Option<i32>,
    /// Brokers that hold it.
    pub replicas: Vec<i32>,
    /// Of them, those in sync.
    pub in_sync: Vec<i32>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions by number.
    pub partitions: Vec<Partition>,
}

/// What the cluster says of itself. After the loss of the controller's quorum a survivor goes on giving its last view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Live brokers.
    pub brokers: Vec<Broker>,
    /// Topics that this user may see.
    pub topics: Vec<Topic>,
}

impl Metadata {
    /// A topic by name.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }
}

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: u32,
    /// Copies of each.
    pub replicas: u32,
    /// Configuration: `message.timestamp.type` → `LogAppendTime`, …
    pub config: BTreeMap<String, String>,
}

/// A configuration entry as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value; none for secrets.
    pub value: Option<String>,
    /// Whether it was set for this very topic or broker, and is not a default.
    pub own: bool,
}

/// Asks and changes a cluster. Calls block, and may come from several threads.
pub struct Admin {
    native: Native,
    bootstrap: String,
    connection: Connection,
    changes: OnceLock<AdminClient<Complaints>>,
    groups: Mutex<HashMap<String, Arc<Native>>>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("bootstrap", &self.bootstrap).finish_non_exhaustive()
    }
}

impl Admin {
    /// Makes the client. Does not wait for a broker.
    ///
    /// # Errors
    /// When a property is unknown or wrong.
    pub fn new(connection: &Connection) -> Result<Self, KafkaError> {
        // A consumer's kind of client never makes a topic by asking for it.
        let configuration = connection.configuration(&[], &BTreeMap::new())?;
        let bootstrap = configuration.bootstrap.clone();
        let native = Native::new(configuration, RDKafkaType::RD_KAFKA_CONSUMER, 0)?;
        Ok(Self { native, bootstrap, connection: connection.clone(), changes: OnceLock::new(), groups: Mutex::default() })
    }

    pub(super) fn native(&self) -> &Native {
        &self.native
    }

    /// A client with this `group.id`, which never joins the group.
    pub(super) fn native_of_group(&self, group: &str) -> Result<Arc<Native>, KafkaError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(native) = groups.get(group) {
            return Ok(Arc::clone(native));
        }
        let configuration = self.connection.configuration(&[("group.id", group), ("enable.auto.commit", "false")], &BTreeMap::new())?;
        let native = Arc::new(Native::new(configuration, RDKafkaType::RD_KAFKA_CONSUMER, 0)?);
        groups.insert(group.to_owned(), Arc::clone(&native));
        Ok(native)
    }

    /// The cluster as a broker describes it.
    ///
    /// # Errors
    /// At once when the login or TLS fails; [`KafkaError::Unreachable`] when no broker answers within `within`.
    pub fn metadata(&self, within: Duration) -> Result<Metadata, KafkaError> {
        self.ask_metadata(None, within)
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    /// When it does not exist, may not be seen, or no broker answers within `within`.
    pub fn partitions(&self, topic: &str, within: Duration) -> Result<u32, KafkaError> {
        self.topic(topic, within).map(|topic| topic.partitions.len() as u32)
    }

    /// One topic.
    ///
    /// # Errors
    /// When it does not exist, may not be seen, or no broker answers within `within`.
    pub fn topic(&self, topic: &str, within: Duration) -> Result<Topic, KafkaError> {
        let no_topic = || KafkaError::NoTopic(topic.to_owned());
        self.ask_metadata(Some(topic), within)?.topics.into_iter().find(|found| found.name == topic).ok_or_else(no_topic)
    }

    fn ask_metadata(&self, topic: Option<&str>, within: Duration) -> Result<Metadata, KafkaError> {
        // Short pieces, so that a refused login is heard between them; longer each time, so that a slow link is waited for.
        const PIECE: Duration = Duration::from_millis(250);
        let mut patience = PIECE;
        let deadline = clock::now().plus(within);
        let complaints = self.native.complaints();
        loop {
            let left = deadline.remaining();
            let answer = self.native.client().fetch_metadata(topic, patience.min(left).max(Duration::from_millis(1)));
            patience *= 2;
            while self.native.next(Duration::ZERO).is_some() {}
            match answer {
                Ok(answer) => {
                    complaints.clear();
                    return self.understand(topic, &answer);
                }
                Err(error) => match error.rdkafka_error_code() {
                    Some(
                        RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown,
                    ) => {}
                    _ => return Err(KafkaError::library("ask for metadata", &error)),
                },
            }
            if let Some(error) = complaints.hopeless() {
                complaints.clear();
                return Err(match error {
                    KafkaError::Tls(reason) => KafkaError::Tls(certificate::explained(reason, &self.connection)),
                    error => error,
                });
            }
            if left.is_zero() {
                return Err(KafkaError::Unreachable { bootstrap: self.bootstrap.clone(), within, reasons: complaints.reasons() });
            }
            // A refused connection answers at once: wait for the next attempt's complaint.
            if let Some(event) = self.native.next(PIECE.min(deadline.remaining())) {
                drop(event);
            }
        }
    }

    fn understand(&self, asked: Option<&str>, answer: &rdkafka::metadata::Metadata) -> Result<Metadata, KafkaError> {
        let brokers =
            answer.brokers().iter().map(|broker| Broker { id: broker.id(), address: format!("{}:{}", broker.host(), broker.port()) });
        let mut topics = Vec::with_capacity(answer.topics().len());
        for topic in answer.topics() {
            if let Some(code) = topic.error() {
                let code = ErrorCode::new(code);
                match (asked, RDKafkaErrorCode::from(code.native())) {
                    (Some(name), RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                        return Err(KafkaError::NoTopic(name.to_owned()));
                    }
                    (Some(name), _) => return Err(KafkaError::request(format!("describe topic {name}"), code)),
                    (None, _) => continue,
                }
            }
            let mut partitions: Vec<_> = topic.partitions().iter().collect();
            partitions.sort_by_key(|partition| partition.id());
            let partition = |partition: &&rdkafka::metadata::MetadataPartition| Partition {
                leader: (partition.leader() >= 0).then_some(partition.leader()),
                replicas: partition.replicas().to_vec(),
                in_sync: partition.isr().to_vec(),
            };
            topics.push(Topic { name: topic.name().to_owned(), partitions: partitions.iter().map(partition).collect() });
        }
        Ok(Metadata { brokers: brokers.collect(), topics })
    }

    /// The cluster's id, as the newest answer about its metadata told it.
    pub fn cluster_id(&self) -> Option<String> {
        raw_admin::cluster_id(&self.native)
    }

    /// The client for changes, made when first needed.
    fn changes(&self) -> Result<&AdminClient<Complaints>, KafkaError> {
        if let Some(client) = self.changes.get() {
            // Its events are taken in by a thread of its own, which cannot mend it.
            if client.inner().context().lost_all() {
                native::begin_again(client.inner(), self.native.bootstrap());
            }
            return Ok(client);
        }
        let config = self.connection.configuration(&[], &BTreeMap::new())?.config;
        let client =
            AdminClient::from_config_and_context(&config, Complaints::default()).map_err(|error| KafkaError::Client(error.to_string()))?;
        Ok(self.changes.get_or_init(|| client))
    }

    /// Makes a topic, and waits until its partitions have leaders.
    ///
    /// # Errors
    /// [`KafkaError::TopicExists`]; a refused configuration; no answer within `within`.
    pub fn create_topic(&self, topic: &NewTopic, within: Duration) -> Result<(), KafkaError> {
        let what = format!("create topic {}", topic.name);
        let deadline = clock::now().plus(within);
        let replicas = TopicReplication::Fixed(topic.replicas.cast_signed());
        let mut new = LibraryTopic::new(&topic.name, topic.partitions.cast_signed(), replicas);
        for (name, value) in &topic.config {
            new = new.set(name, value);
        }
        let results = block_on(self.changes()?.create_topics([&new], &options(within))).map_err(|error| self.failed(&what, &error))?;
        match results.into_iter().next() {
            Some(Err((name, RDKafkaErrorCode::TopicAlreadyExists))) => return Err(KafkaError::TopicExists(name)),
            Some(Err((_, code))) => return Err(KafkaError::request(what, ErrorCode::of_library(code))),
            Some(Ok(_)) | None => {}
        }
        loop {
            let ready = match self.topic(&topic.name, deadline.remaining().max(Duration::from_millis(1))) {
                Ok(found) => found.partitions.len() >= topic.partitions as usize && found.partitions.iter().all(|p| p.leader.is_some()),
                Err(KafkaError::NoTopic(_)) => false,
                Err(error)
                    if error.code().is_some_and(|code| RDKafkaErrorCode::from(code.native()) == RDKafkaErrorCode::LeaderNotAvailable) =>
                {
                    false
                }
                Err(error) => return Err(error),
            };
            if ready {
                return Ok(());
            }
            if deadline.remaining().is_zero() {
                return Err(KafkaError::Request { what, reason: "its partitions got no leaders in time".to_owned(), code: None });
            }
            self.native.next(Duration::from_millis(20));
        }
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// When it does not exist, or no answer comes within `within`.
    pub fn delete_topic(&self, topic: &str, within: Duration) -> Result<(), KafkaError> {
        let what = format!("delete topic {topic}");
        let results = block_on(self.changes()?.delete_topics(&[topic], &options(within))).map_err(|error| self.failed(&what, &error))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic))) => {
                Err(KafkaError::NoTopic(topic.to_owned()))
            }
            Some(Err((_, code))) => Err(KafkaError::request(what, ErrorCode::of_library(code))),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Grows a topic to `total` partitions.
    ///
    /// # Errors
    /// When it has as many or more, or no answer comes within `within`.
    pub fn grow_topic(&self, topic: &str, total: u32, within: Duration) -> Result<(), KafkaError> {
        let what = format!("grow topic {topic} to {total} partitions");
        let grown = NewPartitions::new(topic, total as usize);
        let results =
            block_on(self.changes()?.create_partitions([&grown], &options(within))).map_err(|error| self.failed(&what, &error))?;
        results
            .into_iter()
            .next()
            .map_or(Ok(()), |result| result.map(|_| ()).map_err(|(_, code)| KafkaError::request(what, ErrorCode::of_library(code))))
    }

    /// The configuration of a topic in force.
    ///
    /// # Errors
    /// When it does not exist, or no answer comes within `within`.
    pub fn topic_config(&self, topic: &str, within: Duration) -> Result<BTreeMap<String, Setting>, KafkaError> {
        self.config(&ResourceSpecifier::Topic(topic), &format!("describe configuration of topic {topic}"), within)
    }

    /// The configuration of a broker in force.
    ///
    /// # Errors
    /// When it does not answer within `within`.
    pub fn broker_config(&self, id: i32, within: Duration) -> Result<BTreeMap<String, Setting>, KafkaError> {
        self.config(&ResourceSpecifier::Broker(id), &format!("describe configuration of broker {id}"), within)
    }

    fn config(&self, of: &ResourceSpecifier<'_>, what: &str, within: Duration) -> Result<BTreeMap<String, Setting>, KafkaError> {
        let results = block_on(self.changes()?.describe_configs([of], &options(within))).map_err(|error| self.failed(what, &error))?;
        match (results.into_iter().next(), of) {
            (Some(Ok(resource)), _) => Ok(resource
                .entries
                .into_iter()
                .map(|entry| {
                    let own = matches!(entry.source, ConfigSource::DynamicTopic | ConfigSource::DynamicBroker | ConfigSource::StaticBroker);
                    (entry.name, Setting { value: entry.value, own })
                })
                .collect()),
            (Some(Err(RDKafkaErrorCode::UnknownTopicOrPartition)), ResourceSpecifier::Topic(topic)) => {
                Err(KafkaError::NoTopic((*topic).to_owned()))
            }
            (Some(Err(code)), _) => Err(KafkaError::request(what, ErrorCode::of_library(code))),
            (None, _) => Err(KafkaError::Request { what: what.to_owned(), reason: "an empty answer".to_owned(), code: None }),
        }
    }

    /// Sets one configuration entry of a topic, or with no value takes it back to its default. Others stay as they are.
    ///
    /// # Errors
    /// When the topic does not exist, the broker refuses the value, or no answer comes within `within`.
    pub fn set_topic_config(&self, topic: &str, entry: &str, value: Option<&str>, within: Duration) -> Result<(), KafkaError> {
        raw_admin::alter_topic_config(&self.native, topic, entry, value, within)
    }

    /// Deletes the records of a partition below `before`.
    ///
    /// # Errors
    /// When `before` lies behind the end, or no answer comes within `within`.
    pub fn delete_records(&self, topic: &str, partition: u32, before: i64, within: Duration) -> Result<(), KafkaError> {
        let what = format!("delete records of {topic}/{partition} below {before}");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition.cast_signed(), Offset::Offset(before))
            .map_err(|error| KafkaError::library(&what, &error))?;
        let done = block_on(self.changes()?.delete_records(&list, &options(within))).map_err(|error| self.failed(&what, &error))?;
        done.elements().iter().try_for_each(|element| element.error().map_err(|error| KafkaError::library(&what, &error)))
    }

    /// Deletes a consumer group that has no members.
    ///
    /// # Errors
    /// When it has members or does not exist, or no answer comes within `within`.
    pub fn delete_group(&self, group: &str, within: Duration) -> Result<(), KafkaError> {
        let what = format!("delete group {group}");
        let results = block_on(self.changes()?.delete_groups(&[group], &options(within))).map_err(|error| self.failed(&what, &error))?;
        results
            .into_iter()
            .next()
            .map_or(Ok(()), |result| result.map(|_| ()).map_err(|(_, code)| KafkaError::request(what, ErrorCode::of_library(code))))
    }

    fn failed(&self, what: &str, error: &Library) -> KafkaError {
        let complaints = self.changes.get().map(|client| client.inner().context());
        complaints.and_then(|complaints| complaints.hopeless()).unwrap_or_else(|| KafkaError::library(what, error))
    }
}

fn options(within: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(within)).operation_timeout(Some(within))
}
