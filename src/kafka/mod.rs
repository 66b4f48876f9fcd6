//! Typed access to Kafka, and the only place that names rdkafka.
//!
//! | what | for |
//! |---|---|
//! | [`Connection`] | where a cluster is and how to log in |
//! | [`Producer`] | open-loop sending from one plain thread |
//! | [`Reader`] | reading partitions from given offsets on one plain thread, without a consumer group |
//! | [`Admin`] | offsets, metadata, topics, configuration, groups |
//! | [`partition_for_key`] | the partition that a Java producer would choose |
//!
//! Every call that asks a broker blocks up to its deadline: from async code, go through `spawn_blocking`.

mod admin;
mod api_key;
mod certificate;
mod client;
mod connection;
mod error;
mod native;
mod offsets;
mod partitioner;
mod producer;
mod raw_admin;
mod raw_producer;
mod raw_reader;
mod reader;
mod statistics;

pub use admin::{Admin, Broker, Metadata, NewTopic, Partition, Setting, Topic};
pub use api_key::api_name;
pub use connection::Connection;
pub use error::{ErrorCode, KafkaError};
pub use offsets::{GroupOffset, OffsetQuery, PartitionOffset};
pub use partitioner::{murmur2, partition_for_key};
pub use producer::{Delivery, Outgoing, Producer, Sending, TopicHandle};
pub use reader::{Isolation, ReadError, Reader, ReaderSettings, Received, Start, Step, TimestampKind};
pub use statistics::ProducerStatistics;
