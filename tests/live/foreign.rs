//! A Kafka and a Flink that the squall under test did not start: another squall's, with another state, and the owner's own way of
//! starting nodes again.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;
use squall::cluster::Places;

use super::shared::{json, squall_in, succeeded};

pub struct Foreign {
    /// Where the other squall keeps its state, and where the owner's scripts are.
    pub home: PathBuf,
    pub name: String,
    pub kafka: String,
    pub flink: String,
    pub gateway: String,
}

const START: &str = r#"#!/bin/bash
# The owner's own way to start a node: start NODE. A second time it does nothing. A TaskManager gets a new id.
set -eu
cd "$(dirname "$0")"
node=${1%-again-*}
alive() { local stat; stat=$(cat "/proc/$1/stat" 2>/dev/null) && case ${stat##*) } in [ZX]*) return 1 ;; esac; }
[ -e "pids/$node" ] && alive "$(cat "pids/$node")" && { echo "$node runs"; exit 0; }
mapfile -d '' command <"commands/$node"
for i in "${!command[@]}"; do
  command[i]=${command[i]/taskmanager.resource-id=$node/taskmanager.resource-id=$node-again-$(date +%s%N)}
done
set -a; . ./environment; set +a
mkdir -p pids
setsid "${command[@]}" >>"logs-$node" 2>&1 </dev/null &
echo $! >"pids/$node"
echo "$node started"
"#;

impl Foreign {
    /// Starts it from these settings of a local cluster.
    pub fn start(home: PathBuf, name: &str, flink: &str) -> Self {
        std::fs::create_dir_all(&home).unwrap();
        let file = home.join("foreign.yaml");
        let text = format!("{{ name: {name}, environment: test, kind: {{ local: {{ flink: {flink} }} }} }}");
        std::fs::write(&file, text).unwrap();
        succeeded(squall_in(&home).args(["cluster", "up"]).arg(&file));
        let record = json(&home.join("state/clusters").join(name).join("cluster.json"));
        let port = |value: &Value| value.as_u64().unwrap();
        let ports = &record["ports"];
        let at = |port: u64| format!("http://127.0.0.1:{port}");
        let foreign = Self {
            name: name.to_owned(),
            kafka: format!("127.0.0.1:{}", port(&ports["brokers"][0]["direct"])),
            flink: at(port(&ports["rest"])),
            gateway: at(port(&ports["gateway"])),
            home,
        };
        foreign.write_scripts(&record);
        foreign
    }

    fn write_scripts(&self, record: &Value) {
        let commands = self.home.join("commands");
        std::fs::create_dir_all(&commands).unwrap();
        for process in record["processes"].as_array().unwrap() {
            let command = std::fs::read_to_string(format!("/proc/{}/cmdline", process["pid"])).unwrap();
            // An archive that is being written belongs to the process that writes it.
            let words = command.split_terminator('\0').filter(|word| !word.starts_with("-XX:ArchiveClassesAtExit"));
            let words: String = words.map(|word| format!("{word}\0")).collect();
            std::fs::write(commands.join(process["name"].as_str().unwrap()), words).unwrap();
        }
        let folder = self.home.join("state/clusters").join(&self.name);
        let environment = format!(
            "SQUALL_CLUSTER={}:{}\nSQUALL_CLUSTER_FOLDER={}\nFLINK_CONF_DIR={}\n",
            self.name,
            record["id"].as_str().unwrap(),
            folder.display(),
            folder.join("conf").display()
        );
        std::fs::write(self.home.join("environment"), environment).unwrap();
        let script = self.starter();
        std::fs::write(&script, START).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The class path of its Kafka.
    pub fn kafka_class_path(&self) -> String {
        let record = json(&self.home.join("state/clusters").join(&self.name).join("cluster.json"));
        record["kafka"]["class-path"].as_str().unwrap().to_owned()
    }

    /// The owner's own script that starts a node by its name.
    pub fn starter(&self) -> PathBuf {
        self.home.join("start.sh")
    }

    /// A cluster file of kind `external` for it, with these other lines below `external:` and at the top.
    pub fn file(&self, name: &str, more: &str, top: &str) -> String {
        format!(
            "name: {name}\nenvironment: test\nkind:\n  external:\n    kafka: {{ bootstrap: \"{}\" }}\n    flink: {{ addresses: [ \"{}\" ] }}\n    \
             gateway: {{ addresses: [ \"{}\" ] }}\n{more}\n{top}\n",
            self.kafka, self.flink, self.gateway
        )
    }

    /// The owner's command that starts a node, for every role, as it stands below `external:`.
    pub fn starts(&self) -> String {
        let undo = format!("{{ kill: {{ undo: [ {}, \"${{node}}\" ] }} }}", self.starter().display());
        let roles = ["taskmanager", "jobmanager", "broker", "gateway"].map(|role| format!("{role}: {undo}"));
        format!("    commands: {{ {} }}", roles.join(", "))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let down = squall_in(&self.home).args(["cluster", "down", &self.name]).output();
        println!("foreign down: {down:?}");
    }
}

/// Places of the squall under test.
pub fn places(home: &std::path::Path) -> Places {
    Places { state: home.join("state"), squall: env!("CARGO_BIN_EXE_squall").into(), ..Places::from_env().unwrap() }
}
