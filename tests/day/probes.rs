//! What probes see of cluster and job.

use squall::journal::Of;
use squall::metric::Metric;

use super::{COMMIT, MIB, Story, partition};

impl Story<'_> {
    pub(super) fn probes(&mut self, at: i64, killed: Option<i64>, sent: f64, lag: f64, coarser: i64) {
        let hours = at as f64 / 3.6e6;
        let restarted = killed.map_or(0, |kill| kill + self.down(kill) as i64);
        for half in 0..2 {
            if at % (1000 * coarser) != 0 || coarser > 1 && half > 0 {
                continue;
            }
            let now = at + half * 500;
            let of_inputs = (0..4).flat_map(|index| {
                [
                    (Metric::LogEnd, partition("orders", index), (sent / 4.0).floor()),
                    (Metric::CommittedLag, partition("orders", index), (lag / 4.0).floor()),
                ]
            });
            self.look(now, of_inputs);
            let of_sinks = (0..4).map(|index| (Metric::HiddenByTransactions, partition("enriched", index), ((at % COMMIT) / 2) as f64));
            self.look(now, of_sinks.chain([(Metric::UnderReplicated, Of::Run, 0.0)]));
            self.look(
                now,
                [(Metric::Taskmanagers, 2.0), (Metric::Slots, 4.0), (Metric::FreeSlots, 0.0)]
                    .map(|(metric, value)| (metric, Of::Run, value)),
            );
        }
        if at % (1000 * coarser) == 0 {
            self.look(at + 100, [(Metric::Restarts, Of::Run, self.kills.partition_point(|kill| kill + 3000 <= at) as f64)]);
            for vertex in ["source", "sink"] {
                let mut row = Vec::new();
                for index in 0..2 {
                    let of = || Of::Subtask { vertex: vertex.to_owned(), index };
                    let busy = ((0.3 + self.noise(0.05)) * 1000.0).round() / 1000.0;
                    row.extend([(Metric::Busy, of(), busy), (Metric::Backpressure, of(), 0.0), (Metric::Idle, of(), 1.0 - busy)]);
                    row.push((Metric::SubtaskRecords, of(), (sent / 2.0).floor()));
                }
                if vertex == "source" {
                    row.extend((0..4).map(|index| (Metric::SourcePosition, partition("orders", index), (sent / 4.0).floor())));
                }
                self.look(at + 120, row);
            }
            for node in self.nodes.clone() {
                let used = (90.0 + self.noise(30.0)) * MIB;
                let of = || Of::Node(node.clone());
                self.look(
                    at + 140,
                    [
                        (Metric::HeapUsed, of(), used.floor()),
                        (Metric::Heap, of(), used.floor() / (512.0 * MIB)),
                        (Metric::GcTime, of(), (hours * 40.0 * 100.0).floor() / 100.0),
                    ],
                );
            }
            let memory = ((60.0 + self.noise(0.5)) * MIB / 4096.0).floor() * 4096.0;
            let cpu = 0.2 + self.noise(0.02);
            self.look(at + 150, [(Metric::OwnCpu, Of::Run, cpu), (Metric::OwnMemory, Of::Run, memory)]);
        }
        if at % (2000 * coarser) == 0 {
            let mut row = Vec::new();
            let [first, second] = self.nodes.clone();
            for node in [first, second, "jm-1".into(), "broker-1".into(), "proxy".into()] {
                let of = || Of::Node(node.clone());
                row.push((Metric::ResidentMemory, of(), ((400.0 + self.noise(2.0)) * MIB / 4096.0).floor() * 4096.0));
                row.push((Metric::OpenFiles, of(), 130.0 + self.noise(3.0).round()));
                row.push((Metric::Threads, of(), (80.0 + self.day.drifts.threads * hours + self.noise(2.0)).round()));
            }
            row.push((Metric::CheckpointDisk, Of::Run, 60.0 * MIB));
            self.look(at + 200, row);
        }
        if at % 60_000 == 0 {
            for node in self.nodes.clone() {
                let grown = self.day.drifts.heap * (at - restarted) as f64 / 3.6e6;
                let used = 60.0 * MIB + grown + self.noise(MIB / 4.0);
                self.look(at + 300, [(Metric::HeapAfterCollection, Of::Node(node), used.floor())]);
            }
        }
    }
}
