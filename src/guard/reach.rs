//! Reaching a run's cluster from what lies in its folder, without scenario and cluster file.

use std::path::Path;
use std::sync::Arc;

use super::Error;
use crate::cluster::{self, Cluster, ClusterSpec, Places};
use crate::flink::Rest;
use crate::journal::RunFolder;
use crate::kafka::Admin;

/// The cluster file as the run used it, with its paths as they were then; of older runs as it was written.
///
/// # Errors
/// When it cannot be read.
pub fn cluster_spec(folder: &RunFolder) -> Result<ClusterSpec, Error> {
    let resolved = folder.path().join("cluster.json");
    if let Ok(text) = std::fs::read_to_string(&resolved) {
        return serde_json::from_str(&text).map_err(|reason| Error::ClusterFile { path: resolved, reason: reason.to_string() });
    }
    let path = folder.path().join("cluster.yaml");
    let error = |reason: String| Error::ClusterFile { path: path.clone(), reason };
    let text = std::fs::read_to_string(&path).map_err(|source| error(source.to_string()))?;
    let yaml = serde_yaml::Deserializer::from_str(&text);
    serde_yaml::with::singleton_map_recursive::deserialize(yaml).map_err(|reason| error(reason.to_string()))
}

/// A run's cluster, taken hold of when it is first needed.
#[derive(Debug)]
pub struct Reach<'a> {
    pub(super) spec: ClusterSpec,
    places: &'a Places,
    cluster: Option<Arc<Cluster>>,
    kafka: Option<Arc<Admin>>,
}

impl<'a> Reach<'a> {
    /// The cluster that `spec` describes.
    pub fn new(spec: ClusterSpec, places: &'a Places) -> Self {
        Self { spec, places, cluster: None, kafka: None }
    }

    /// The cluster; none when it has gone since, with everything on it. One of the same name that was started from another
    /// description is another cluster.
    pub(super) async fn cluster(&mut self) -> Result<Option<Arc<Cluster>>, Error> {
        if self.cluster.is_none() {
            match Cluster::attach(&self.spec, self.places).await {
                Ok(cluster) => self.cluster = Some(Arc::new(cluster)),
                Err(error) if error.is_not_up() || error.is_another() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.cluster.clone())
    }

    /// Its Kafka; none when the cluster has gone.
    pub(super) async fn kafka(&mut self) -> Result<Option<Arc<Admin>>, Error> {
        if self.kafka.is_none()
            && let Some(cluster) = self.cluster().await?
        {
            self.kafka = Some(Arc::new(Admin::new(&cluster.addresses().kafka.harness)?));
        }
        Ok(self.kafka.clone())
    }

    /// Its JobManager; none when the cluster has gone.
    pub(super) async fn flink(&mut self) -> Result<Option<Rest>, Error> {
        let cluster = self.cluster().await?;
        Ok(cluster.map(|cluster| Rest::new(&cluster.addresses().flink, Path::new(""))).transpose()?)
    }

    /// Takes the cluster down. One that has gone already is no error.
    pub(super) async fn take_down(&mut self) -> Result<(), Error> {
        self.kafka = None;
        self.cluster = None;
        match cluster::down(&self.spec, self.places, &|line| tracing::info!("{line}")).await {
            Err(error) if !error.is_not_up() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
