//! Where a Kafka cluster is and how to log in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rdkafka::config::{ClientConfig, NativeClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError as Library;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admin::{Admin, Metadata};
use super::error::KafkaError;
use crate::units::SecretSource;

/// Where a Kafka cluster is and how to log in. Holds no secret, only where to read it, so that it may be journalled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connection {
    /// Addresses of brokers, `host:port`, separated by commas.
    pub bootstrap: String,
    /// Properties of librdkafka, by its names: `security.protocol`, `ssl.ca.location`, `sasl.mechanism`, `sasl.username`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Properties whose values are secret, and where to read them: `sasl.password: { env: KAFKA_PASSWORD }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
}

impl Connection {
    /// Without TLS and login.
    pub fn plain(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: bootstrap.into(), properties: BTreeMap::new(), secrets: BTreeMap::new() }
    }

    /// Relative paths (secrets in files, `*.location` properties) counted from `base`, the cluster file's folder.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        for source in self.secrets.values_mut() {
            if let SecretSource::File(path) = source {
                *path = base.join(&*path);
            }
        }
        for (name, value) in &mut self.properties {
            if name.ends_with(".location") {
                *value = base.join(&*value).to_string_lossy().into_owned();
            }
        }
        self
    }

    /// Waits until a broker answers, and says what it knows of the cluster.
    ///
    /// # Errors
    /// At once when the login or TLS fails; [`KafkaError::Unreachable`] with what each address said after `within`.
    pub fn check(&self, within: Duration) -> Result<Metadata, KafkaError> {
        Admin::new(self)?.metadata(within)
    }

    /// The library's configuration: this connection, over `defaults`, under `settings`, which win.
    pub(super) fn configuration(
        &self,
        defaults: &[(&str, &str)],
        settings: &BTreeMap<String, String>,
    ) -> Result<Configuration, KafkaError> {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        config.set("client.id", "squall").set("bootstrap.servers", &self.bootstrap);
        // A restarted broker comes back within a second; the default (10 s at most) would blind the measurement for long.
        config.set("reconnect.backoff.max.ms", "1000").set("log.connection.close", "false");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in self.properties.iter().chain(settings) {
            config.set(name, value);
        }
        for (property, source) in &self.secrets {
            let secret = source.read(Path::new("")).map_err(|source| KafkaError::Secret { property: property.clone(), source })?;
            config.set(property, secret.reveal());
        }
        let native = config.create_native_config().map_err(|error| match error {
            Library::ClientConfig(_, reason, property, _) => {
                // The library's reason may quote the value.
                let reason = if self.secrets.contains_key(&property) { "this value is not valid".to_owned() } else { reason };
                KafkaError::Property { property, reason }
            }
            other => KafkaError::Client(other.to_string()),
        })?;
        Ok(Configuration { config, native, bootstrap: self.bootstrap.clone() })
    }
}

/// A configuration that librdkafka has accepted. Holds secrets: never printed.
pub(super) struct Configuration {
    pub(super) config: ClientConfig,
    pub(super) native: NativeClientConfig,
    pub(super) bootstrap: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn error(connection: &Connection) -> String {
        connection.configuration(&[], &BTreeMap::new()).err().unwrap().to_string()
    }

    #[test]
    fn says_which_property_is_wrong_and_keeps_secrets() {
        let mut connection = Connection::plain("localhost:9092");
        connection.properties.insert("acks.of.all".into(), "1".into());
        assert!(error(&connection).starts_with("kafka property `acks.of.all`: "), "{}", error(&connection));

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "hunter2").unwrap();
        let mut connection = Connection::plain("localhost:9092");
        connection.secrets.insert("security.protocol".into(), SecretSource::File("password".into()));
        assert!(error(&connection).contains("cannot read the secret"));
        let connection = connection.relative_to(folder.path());
        assert_eq!(error(&connection), "kafka property `security.protocol`: this value is not valid");
    }

    #[test]
    fn a_dead_address_is_named() {
        let error = Connection::plain("127.0.0.1:1").check(Duration::from_millis(600)).unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1 within 600ms") && error.contains("Connection refused"), "{error}");
    }
}
