//! `squall cluster up|status|down`.

use std::io::Write;
use std::path::Path;

use super::arguments::{Cluster as Command, Format};
use super::{Exit, Failure, file, init, tell};
use crate::cluster::{self, Cluster, ClusterName, ClusterSpec, Places};
use crate::report::visible;
use crate::run::Stop;

pub(super) async fn cluster(command: &Command) -> Result<Exit, Failure> {
    let places = places()?;
    match command {
        Command::Up { cluster, format } => up(cluster, *format, &places).await,
        Command::Status { format } => status(*format, &places).await,
        Command::Init(arguments) => init::init(arguments),
        Command::Check { cluster, topics, format } => check(cluster, topics, *format, &places).await,
        Command::Down { cluster, format } => down(cluster, *format, &places).await,
    }
}

pub(super) fn places() -> Result<Places, Failure> {
    Places::from_env().map_err(|error| Failure::of(Exit::ToolError, &error))
}

pub(super) fn progress(line: &str) {
    tell(&format!("  {line}\n"));
}

async fn up(path: &Path, format: Format, places: &Places) -> Result<Exit, Failure> {
    let spec = file::cluster(path)?.value;
    let stop = Stop::default();
    let _signals = stop.listen(|_| {}).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    match stop.unless(Cluster::up(&spec, places, &progress)).await {
        Err(_) => Ok(Exit::Interrupted),
        Ok(Err(error)) => Err(Failure::of(Exit::NotReady, &error)),
        Ok(Ok(cluster)) => {
            let addresses = cluster.addresses();
            if format == Format::Json {
                let links: Vec<_> = addresses
                    .links
                    .iter()
                    .map(|link| serde_json::json!({ "name": link.name, "address": link.address.to_string() }))
                    .collect();
                let document = serde_json::json!({
                    "schema": 1, "name": spec.name.as_str(), "kafka": addresses.kafka.harness.bootstrap,
                    "flink": addresses.flink.addresses, "links": links,
                });
                print(&format!("{document}\n"))?;
                return Ok(Exit::Met);
            }
            print(&format!(
                "cluster {} is up\n  kafka      {}\n  flink      {}\n",
                spec.name,
                addresses.kafka.harness.bootstrap,
                addresses.flink.addresses.join(", "),
            ))?;
            for link in &addresses.links {
                print(&format!("  {:<10} {}\n", format!("{} link", link.name), link.address))?;
            }
            Ok(Exit::Met)
        }
    }
}

async fn status(format: Format, places: &Places) -> Result<Exit, Failure> {
    let clusters = cluster::status(places).await.map_err(|error| Failure::of(Exit::ToolError, &error))?;
    if format == Format::Json {
        let rows: Vec<_> = clusters
            .iter()
            .map(|status| {
                serde_json::json!({
                    "name": status.name.as_str(), "phase": status.phase, "kafka": status.kafka, "flink": status.flink,
                    "addresses": status.addresses, "nodes": status.nodes, "proxy_alive": status.proxy_alive, "logs": status.logs,
                })
            })
            .collect();
        print(&format!("{}\n", serde_json::Value::from(rows)))?;
        return Ok(Exit::Met);
    }
    if clusters.is_empty() {
        print("no cluster is up\n")?;
    }
    for status in clusters {
        print(&format!("{}: Kafka {}, Flink {}, {}\n", status.name, status.kafka, status.flink, status.phase))?;
        for node in &status.nodes {
            let state = match (node.alive, node.frozen) {
                (false, _) => "gone",
                (true, true) => "frozen",
                (true, false) => "alive",
            };
            print(&format!("  {:<24} {state}\n", node.node.to_string()))?;
        }
        if !status.proxy_alive {
            print("  proxy                    gone: the links are cut\n")?;
        }
        print(&format!("  logs in {}\n", status.logs.display()))?;
    }
    Ok(Exit::Met)
}

async fn check(path: &Path, topics: &[String], format: Format, places: &Places) -> Result<Exit, Failure> {
    let spec = file::cluster(path)?.value;
    let not_ready = |error| Failure::of(Exit::NotReady, &error);
    let cluster = Cluster::attach(&spec, places).await.map_err(not_ready)?;
    let found = cluster::inspect(&cluster, topics).await.map_err(not_ready)?;
    if format == Format::Json {
        print(&format!("{}\n", serde_json::json!({ "schema": 1, "facts": found.facts, "limits": found.limits })))?;
        return Ok(Exit::Met);
    }
    for section in &found.facts {
        print(&format!("{}\n", visible(&section.of)))?;
        let width = section.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &section.facts {
            print(&format!("  {:<width$}  {}\n", visible(name), visible(value)))?;
        }
    }
    if found.limits.is_empty() {
        print("nothing that would limit a measurement was found\n")?;
        return Ok(Exit::Met);
    }
    print("what would limit a measurement:\n")?;
    for limit in &found.limits {
        print(&format!("  - {}\n    {}\n    → {}\n", visible(&limit.what), visible(&limit.why), visible(&limit.mend)))?;
    }
    Ok(Exit::Met)
}

async fn down(named: &str, format: Format, places: &Places) -> Result<Exit, Failure> {
    let name = if Path::new(named).is_file() {
        // Only the name counts: a mistake elsewhere in the file must not keep a cluster up.
        file::read::<ClusterSpec>(Path::new(named))?.value.name
    } else {
        ClusterName::try_from(named.to_owned()).map_err(|error| Failure::of(Exit::Invalid, &error))?
    };
    take_down(&name, places).await?;
    match format {
        Format::Text => print(&format!("cluster {name} is down\n"))?,
        Format::Json => print(&format!("{}\n", serde_json::json!({ "schema": 1, "name": name.as_str(), "down": true })))?,
    }
    Ok(Exit::Met)
}

/// Ends a cluster and removes its data.
pub(super) async fn take_down(name: &ClusterName, places: &Places) -> Result<(), Failure> {
    cluster::down_named(name, places, &progress).await.map_err(|error| Failure::of(Exit::CleanupIncomplete, &error))
}

/// Writes data to stdout; a reader that closed its end ends the command.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    anstream::stdout().write_all(text.as_bytes()).map_err(|error| Failure::of(Exit::ToolError, &error))
}
