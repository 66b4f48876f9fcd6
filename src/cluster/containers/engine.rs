//! The container engine, as far as squall uses it. Everything is found by label: nothing else is touched.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, NetworkInspect};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder,
};

use super::error::{Asking, Error};
use crate::action::{Identity, Node, Role};

/// The cluster's name, on containers and networks.
pub(super) const CLUSTER: &str = "dev.squall.cluster";
/// The cluster's own id: no other one of this name had it.
pub(super) const ID: &str = "dev.squall.id";
/// What a container is.
pub(super) const ROLE: &str = "dev.squall.role";
/// The node's name.
pub(super) const NODE: &str = "dev.squall.node";
/// Id of the dead container whose place this one took.
pub(super) const IN_PLACE_OF: &str = "dev.squall.in-place-of";
/// The record, on the network.
pub(super) const RECORD: &str = "dev.squall.record";

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// A connection to the engine.
#[derive(Debug, Clone)]
pub(super) struct Engine(pub Docker);

/// A container of a cluster, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// The node's name.
    pub node: String,
    /// The container in whose place it is.
    pub in_place_of: Option<String>,
    pub running: bool,
    pub paused: bool,
    pub started_at: String,
    /// Its first process, as the engine's machine numbers it.
    pub pid: i32,
    pub oom_killed: bool,
    /// Networks that it is on, and its address there.
    pub networks: HashMap<String, String>,
    /// CPU time of a period that it may use at most, in microseconds; 0 or less is no limit.
    pub cpu_quota: i64,
    pub memory: i64,
}

impl Container {
    pub fn identity(&self) -> Identity {
        Identity::Container { id: self.id.clone(), started_at: self.started_at.clone() }
    }

    pub fn to_node(&self) -> Node {
        Node { role: self.role, name: self.node.clone(), identity: self.identity() }
    }
}

impl Engine {
    /// Connects as testcontainers does: `DOCKER_HOST`, else the usual socket.
    pub async fn connect() -> Result<Self, Error> {
        let docker = testcontainers::core::client::docker_client_instance().await.map_err(|error| Error::NoEngine(error.to_string()))?;
        match tokio::time::timeout(ANSWERS_WITHIN, docker.ping()).await {
            Ok(Ok(_)) => Ok(Self(docker)),
            Ok(Err(error)) => Err(Error::NoEngine(error.to_string())),
            Err(_) => Err(Error::NoEngine(format!("nothing within {} s", ANSWERS_WITHIN.as_secs()))),
        }
    }

    /// Whether there is an image of this name.
    pub async fn has_image(&self, image: &str) -> Result<bool, Error> {
        match self.0.inspect_image(image).await {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(error).asking(|| format!("look at image {image}")),
        }
    }

    /// The containers of clusters with this label, stopped ones too, oldest first.
    pub async fn containers(&self, label: &str) -> Result<Vec<Container>, Error> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let mut list = self.0.list_containers(Some(options)).await.asking(|| "list containers".to_owned())?;
        list.sort_by_key(|container| container.created);
        let mut found = Vec::new();
        for id in list.into_iter().filter_map(|container| container.id) {
            found.extend(self.container(&id).await?);
        }
        Ok(found)
    }

    /// One container; none when it is gone, or is none of squall's.
    pub async fn container(&self, id: &str) -> Result<Option<Container>, Error> {
        match self.0.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(answer) => Ok(understand(answer)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error).asking(|| format!("look at container {id}")),
        }
    }

    /// The networks with this label.
    pub async fn networks(&self, label: &str) -> Result<Vec<NetworkInspect>, Error> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let list = self.0.list_networks(Some(options)).await.asking(|| "list networks".to_owned())?;
        let mut found = Vec::new();
        for id in list.into_iter().filter_map(|network| network.id) {
            match self.0.inspect_network(&id, None::<InspectNetworkOptions>).await {
                Ok(network) => found.push(network),
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(error).asking(|| format!("look at network {id}")),
            }
        }
        Ok(found)
    }

    /// Removes a container with its volumes, whatever it is doing. One that is gone is no error.
    pub async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.0.remove_container(id, Some(options)).await {
            Err(error) if !is_not_found(&error) && !is_being_removed(&error) => Err(error).asking(|| format!("remove container {id}")),
            _ => Ok(()),
        }
    }

    /// Removes a network. One that is gone is no error.
    pub async fn remove_network(&self, id: &str) -> Result<(), Error> {
        match self.0.remove_network(id).await {
            Err(error) if !is_not_found(&error) => Err(error).asking(|| format!("remove network {id}")),
            _ => Ok(()),
        }
    }

    /// The last lines that a container wrote.
    pub async fn tail(&self, id: &str, lines: usize) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let mut log = self.0.logs(id, Some(options));
        let mut text = String::new();
        while let Some(Ok(line)) = log.next().await {
            text.push_str(&String::from_utf8_lossy(&line.into_bytes()));
        }
        if text.trim().is_empty() { "(it is empty)".to_owned() } else { text.trim_end().to_owned() }
    }
}

/// Whether there is no such thing.
pub(super) fn is_not_found(error: &EngineError) -> bool {
    matches!(error, EngineError::DockerResponseServerError { status_code: 404, .. })
}

/// Whether it cannot be done in the state that the container is in: it is so already.
pub(super) fn is_conflict(error: &EngineError) -> bool {
    matches!(error, EngineError::DockerResponseServerError { status_code: 304 | 409, .. })
}

fn is_being_removed(error: &EngineError) -> bool {
    is_conflict(error)
}

/// None for a container without squall's labels.
fn understand(answer: ContainerInspectResponse) -> Option<Container> {
    let labels = answer.config?.labels?;
    let role = match labels.get(ROLE)?.as_str() {
        "taskmanager" => Role::Taskmanager,
        "jobmanager" => Role::Jobmanager,
        "broker" => Role::Broker,
        "gateway" => Role::Gateway,
        _ => return None,
    };
    let state = answer.state.unwrap_or_default();
    let host = answer.host_config.unwrap_or_default();
    let networks = answer.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let paused = state.paused == Some(true) || state.status == Some(ContainerStateStatusEnum::PAUSED);
    Some(Container {
        id: answer.id?,
        name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        role,
        node: labels.get(NODE)?.clone(),
        in_place_of: labels.get(IN_PLACE_OF).cloned(),
        // Podman says of a paused one that it does not run.
        running: state.running == Some(true) || paused,
        paused,
        started_at: state.started_at.unwrap_or_default(),
        pid: state.pid.and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0),
        oom_killed: state.oom_killed == Some(true),
        networks: networks.into_iter().map(|(name, endpoint)| (name, endpoint.ip_address.unwrap_or_default())).collect(),
        cpu_quota: host.cpu_quota.unwrap_or(0),
        memory: host.memory.unwrap_or(0),
    })
}

/// A role as labels say it.
pub(super) const fn role_label(role: Role) -> &'static str {
    match role {
        Role::Taskmanager => "taskmanager",
        Role::Jobmanager => "jobmanager",
        Role::Broker => "broker",
        Role::Gateway => "gateway",
    }
}
