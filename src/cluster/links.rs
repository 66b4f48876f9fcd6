//! Rules on links, through squall's proxy: the same for every kind of cluster that has one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Performed, Undone};
use crate::action::LinkRule;
use crate::clock;
use crate::proxy::{Client, Lease, ProxyError, RuleCounters, RuleStatus, Status};

/// What can go wrong with rules on links.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The proxy does not answer, or refuses.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A rule was removed and is there.
    #[error("a rule is still on link {link}")]
    RulesLeft {
        /// The link.
        link: String,
    },
}

/// The control of a cluster's proxy. Holds the rules that were set through it; they end with it.
#[derive(Debug)]
pub(super) struct Links {
    control: PathBuf,
    client: tokio::sync::Mutex<Option<Client>>,
}

impl Links {
    /// For the proxy with this control socket; nothing is asked yet.
    pub fn new(control: PathBuf) -> Self {
        Self { control, client: tokio::sync::Mutex::default() }
    }

    /// The control connection, opened anew when the last one broke.
    async fn client(&self) -> Result<Client, ProxyError> {
        let mut held = self.client.lock().await;
        if let Some(client) = &*held
            && client.status(false).await.is_ok()
        {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.control).await?;
        *held = Some(client.clone());
        Ok(client)
    }

    async fn status(&self) -> Result<Status, ProxyError> {
        self.client().await?.status(false).await
    }

    /// Links and their open connections.
    pub async fn open(&self) -> Result<Vec<(String, u32)>, LinkError> {
        let links = self.status().await?.links;
        Ok(links.into_iter().map(|link| (link.name, u32::try_from(link.open).unwrap_or(u32::MAX))).collect())
    }

    /// Kafka requests that went over each link since the proxy started, by api key.
    pub async fn requests(&self) -> Result<Vec<(String, BTreeMap<i16, u64>)>, LinkError> {
        Ok(self.status().await?.links.into_iter().map(|link| (link.name, link.requests)).collect())
    }

    /// The rules that hold, whoever set them.
    pub async fn rules(&self) -> Result<Vec<RuleStatus>, LinkError> {
        Ok(self.status().await?.links.into_iter().flat_map(|link| link.rules).collect())
    }

    /// Sets a rule: a lease of this object, which ends with it, at the latest when this process dies.
    pub async fn set_rule(&self, link: &str, rule: &LinkRule) -> Result<Performed, LinkError> {
        let holder = format!("squall {}", std::process::id());
        let handle = self.client().await?.set_rule(link, rule.clone(), Lease { holder, ..Lease::default() }).await?;
        Ok(Performed { at: clock::now(), what: format!("rule {} set on link {link}", handle.id()) })
    }

    /// Whether the rules on a link met anything: those that hold, or else the last one that ended.
    pub async fn counters(&self, link: &str) -> Result<(bool, String), LinkError> {
        let status = self.status().await?;
        let Some(link_status) = status.link(link) else { return Ok((false, format!("no link {link}"))) };
        let holding = !link_status.rules.is_empty();
        let met: Vec<_> = if holding { link_status.rules.iter().collect() } else { link_status.ended.last().into_iter().collect() };
        let sum = |count: fn(&RuleCounters) -> u64| met.iter().map(|rule| count(&rule.counters)).sum::<u64>();
        let (connections, bytes, chunks) = (sum(|met| met.connections), sum(|met| met.bytes), sum(|met| met.chunks));
        let ended = if holding { "" } else { ", ended" };
        let what = match met.len() {
            0 => format!("no rule was on link {link}"),
            _ => format!("the rule on link {link}{ended} met {connections} connections, {chunks} chunks, {bytes} bytes"),
        };
        Ok((connections > 0 || bytes > 0 || chunks > 0, what))
    }

    /// Removes all rules from a link, and looks whether they are gone.
    pub async fn remove_rules(&self, link: &str) -> Result<Undone, LinkError> {
        let client = self.client().await?;
        let rules = |status: Status| status.link(link).map(|link| link.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>());
        let set = rules(client.status(false).await?).unwrap_or_default();
        for id in &set {
            client.remove(id).await?;
        }
        let at = clock::now();
        let left = rules(client.status(false).await?).unwrap_or_default();
        if left.iter().any(|id| set.contains(id)) {
            return Err(LinkError::RulesLeft { link: link.to_owned() });
        }
        let what = match set.len() {
            0 => format!("no rule is on link {link}"),
            1 => format!("the rule on link {link} is gone"),
            many => format!("{many} rules on link {link} are gone"),
        };
        Ok(Undone { at, changed: !set.is_empty(), what })
    }
}
