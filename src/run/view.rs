//! The cluster as it is now, with the work that each node carries.

use crate::action::{JobView, LinkView, SubtaskView, TopicView, VertexView, View};
use crate::cluster::{self, Cluster};
use crate::flink::{self, JobId, Rest};
use crate::guard::storage;
use crate::job;

/// Why the cluster cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Its nodes.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// Flink.
    #[error(transparent)]
    Flink(#[from] flink::Error),
    /// The job to attach to.
    #[error(transparent)]
    Job(#[from] job::Error),
}

/// Looks at nodes, slots, subtasks and links. What Flink knows may be as old as its caches.
///
/// # Errors
/// When the nodes cannot be listed, or Flink does not answer.
pub async fn look(cluster: &Cluster, rest: &Rest, job: Option<&JobId>, topics: &[TopicView]) -> Result<View, LookError> {
    let mut nodes: Vec<_> = cluster.view().await?.into_iter().filter(|status| status.alive).map(|status| status.to_view()).collect();
    for taskmanager in rest.taskmanagers().await?.value {
        if let Some(view) = nodes.iter_mut().find(|view| view.flink_id.as_deref() == Some(&taskmanager.id)) {
            view.slots = taskmanager.slots_number;
            view.free_slots = taskmanager.free_slots;
        }
    }
    let detail = match job {
        None => None,
        Some(id) => match rest.job(id).await {
            Ok(answer) => Some((id, answer.value)),
            // A JobManager that was started anew has forgotten it.
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        },
    };
    let job = match detail {
        None => None,
        Some((id, detail)) => {
            let mut vertices = Vec::new();
            for vertex in detail.topological() {
                vertices.push(VertexView { id: vertex.id.as_str().to_owned(), name: vertex.name.clone(), parallelism: vertex.parallelism });
                for subtask in rest.vertex(id, &vertex.id).await?.value.subtasks {
                    let runs_on = subtask.taskmanager();
                    if let Some(view) = nodes.iter_mut().find(|view| view.flink_id.is_some() && view.flink_id.as_deref() == runs_on) {
                        view.subtasks.push(SubtaskView {
                            vertex: vertex.id.as_str().to_owned(),
                            name: vertex.name.clone(),
                            index: subtask.index,
                        });
                    }
                }
            }
            Some(JobView { id: id.as_str().to_owned(), name: detail.name.clone(), state: detail.state.to_string(), vertices })
        }
    };
    let links = cluster.links().await?.into_iter().map(|(name, connections)| LinkView { name, connections }).collect();
    Ok(View { nodes, job, links, topics: topics.to_vec(), checkpoint_storage: checkpoint_mount(cluster) })
}

/// The folder of checkpoints, where it is a mount of its own: only such a one is ever filled or made read-only.
fn checkpoint_mount(cluster: &Cluster) -> Option<String> {
    cluster.checkpoint_folder().filter(|folder| storage::is_mount(folder)).map(|folder| folder.display().to_string())
}
