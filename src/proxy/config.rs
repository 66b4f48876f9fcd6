use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ProxyError;

/// What a proxy process carries, and how it is controlled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// One entry for each listening address; entries of the same name are one link.
    pub links: Vec<LinkConfig>,
    /// Path of the control socket, made with mode 0600.
    pub control: PathBuf,
    /// Whether links may listen on addresses that other machines reach.
    pub beyond_loopback: bool,
}

/// A listening address of a link and where its connections lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkConfig {
    /// `source`, `sink`, `generator`.
    pub name: String,
    /// Where clients connect; port 0 takes a free one, which the status tells.
    pub listen: SocketAddr,
    /// `host:port`. A name is looked up anew for each connection.
    pub upstream: String,
    /// What is spoken on it.
    #[serde(default)]
    pub protocol: Protocol,
}

/// What is spoken on a link. Bytes pass untouched either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Anything over TCP.
    #[default]
    Tcp,
    /// Kafka: requests are counted by api key, and can be held back.
    Kafka,
}

/// `NAME=LISTEN,UPSTREAM[,kafka]`, as the command line takes it.
impl FromStr for LinkConfig {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let wrong = || ProxyError::LinkText(text.to_owned());
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let mut parts = rest.split(',');
        let (listen, upstream) = parts.next().zip(parts.next()).ok_or_else(wrong)?;
        let protocol = match (parts.next(), parts.next()) {
            (None | Some("tcp"), None) => Protocol::Tcp,
            (Some("kafka"), None) => Protocol::Kafka,
            _ => return Err(wrong()),
        };
        let port = upstream.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
        if name.is_empty() || port.is_none() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), listen: listen.parse().map_err(|_| wrong())?, upstream: upstream.to_owned(), protocol })
    }
}

impl fmt::Display for LinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={},{}", self.name, self.listen, self.upstream)?;
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Kafka => f.write_str(",kafka"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_is_written_in_one_word() {
        for text in ["sink=127.0.0.1:29092,127.0.0.1:19092,kafka", "source=[::1]:29092,broker-1:9092"] {
            assert_eq!(text.parse::<LinkConfig>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "sink", "sink=127.0.0.1:1", "=127.0.0.1:1,b:2", "sink=127.0.0.1:1,b", "sink=127.0.0.1:1,:2", "sink=127.0.0.1:1,b:2,http"]
        {
            assert!(wrong.parse::<LinkConfig>().unwrap_err().to_string().contains(&format!("`{wrong}` is no link")));
        }
    }
}
