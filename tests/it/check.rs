//! Bad scenario files beside what is said of them: everything at once, on the user's own line.

use std::path::Path;

use assert_cmd::Command;

/// What `squall check` prints on stderr; it exits with 2 and prints nothing else.
fn said(arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scenarios");
    let output = Command::new(env!("CARGO_BIN_EXE_squall")).current_dir(folder).arg("check").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn typos() {
    insta::assert_snapshot!(said(&["typos.yaml"]), @"
    error: unknown shape `constnat`
     --> typos.yaml:7:13
      |
    7 |     rate: { constnat: 2k/s }
      |             ^^^^^^^^ did you mean `constant`?

    error: unknown field `valeu`
     --> typos.yaml:9:5
      |
    9 |     valeu: { size: 512B }
      |     ^^^^^ did you mean `value`?

    error: unknown field `witin`
      --> typos.yaml:11:10
       |
    11 | drain: { witin: 60s }
       |          ^^^^^ did you mean `within`?

    error: unknown fault `kill-taskmanger`
      --> typos.yaml:13:42
       |
    13 |   - { at: 45s, name: lose-one, inject: { kill-taskmanger: { count: 1 } } }
       |                                          ^^^^^^^^^^^^^^^ did you mean `kill-taskmanager`?

    error: unknown field `jiter`
      --> typos.yaml:14:66
       |
    14 |   - { at: 1m30s, name: slow, inject: { delay-sink: { add: 250ms, jiter: 5ms, for: 10s } } }
       |                                                                  ^^^^^ did you mean `jitter`?

    error: unknown field `expects`
      --> typos.yaml:15:1
       |
    15 | expects:
       | ^^^^^^^ did you mean `expect`?
    ");
}

#[test]
fn units() {
    insta::assert_snapshot!(said(&["units.yaml"]), @"
    error: `2000` has no unit
     --> units.yaml:7:23
      |
    7 |     rate: { constant: 2000 }
      |                       ^^^^
      |
      = help: write for example `2000/s`

    error: `512` has no unit
     --> units.yaml:8:20
      |
    8 |     value: { size: 512 }
      |                    ^^^
      |
      = help: write for example `512B`

    error: unknown unit `minutes` in `2 minutes`
     --> units.yaml:9:11
      |
    9 | duration: 2 minutes
      |           ^^^^^^^^^
      |
      = help: known are ns, us, ms, s, m, h, d

    error: `-45s` is negative
      --> units.yaml:11:11
       |
    11 |   - { at: -45s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 5 } } }
       |           ^^^^

    error: `5` has no unit
      --> units.yaml:11:88
       |
    11 |   - { at: -45s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 5 } } }
       |                                                                                        ^
       |
       = help: write for example `5s`

    error: `one` does not start with a number
      --> units.yaml:12:68
       |
    12 |   - { at: 1m, name: hot, inject: { skew-keys: { share: 150%, keys: one, for: 10s } } }
       |                                                                    ^^^
    ");
}

#[test]
fn names() {
    insta::assert_snapshot!(said(&["names.yaml"]), @"
    error: no input topic is called `order`
     --> names.yaml:6:3
      |
    6 |   order: { rate: { constant: 2k/s } }
      |   ^^^^^ did you mean `orders`?

    error: `lose-one` would fire after the end
      --> names.yaml:10:11
       |
     7 | duration: 3m
       |           -- traffic ends here
    ...
    10 |   - { at: 4m, name: lose-one, inject: { kill-taskmanager: { count: 0 } } }
       |           ^^ 4m since the first record
       |
       = help: raise `duration`, or fire earlier

    error: two faults are called `lose-one`
      --> names.yaml:10:21
       |
     9 |   - { at: 45s, name: lose-one, inject: { kill-taskmanager: { count: 1, runs: { operator: sink } } } }
       |                      -------- the first one
    10 |   - { at: 4m, name: lose-one, inject: { kill-taskmanager: { count: 0 } } }
       |                     ^^^^^^^^ the second one

    error: 0 victims are no fault
      --> names.yaml:10:68
       |
    10 |   - { at: 4m, name: lose-one, inject: { kill-taskmanager: { count: 0 } } }
       |                                                                    ^

    error: `never` never fires
      --> names.yaml:11:13
       |
    11 |   - { name: never, inject: { stop-traffic: { for: 5s } } }
       |             ^^^^^ needs `at`, `every` or `when`
       |
       = help: write for example `at: 45s`

    error: no fault is called `lose-two`
      --> names.yaml:12:26
       |
    12 |   - { when: { recovered: lose-two }, name: after, inject: { skew-keys: { stream: ordres, share: 50%, for: 5s } } }
       |                          ^^^^^^^^
       |
       = help: the timeline has `lose-one`, `never` and `after`

    error: no stream is called `ordres`
      --> names.yaml:12:82
       |
    12 |   - { when: { recovered: lose-two }, name: after, inject: { skew-keys: { stream: ordres, share: 50%, for: 5s } } }
       |                                                                                  ^^^^^^ did you mean `order`?

    error: no fault is called `lose-on`
      --> names.yaml:14:22
       |
    14 |   - recovery-time of lose-on < 60s
       |                      ^^^^^^^ did you mean `lose-one`?
    ");
}

#[test]
fn expectations() {
    insta::assert_snapshot!(said(&["expectations.yaml"]), @"
    warning: a baseline of 20s is too short to compare with
     --> expectations.yaml:9:11
      |
    9 |   - { at: 20s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 5s } } }
      |           ^^^ the first fault
      |
      = help: recovery may come out as no data; 34s would do: two checkpoints to settle, then 13, and 30s at least

    error: `recovery-time` of `lose-one` can be watched for 40s only
      --> expectations.yaml:12:33
       |
    10 |   - { at: 1m, name: lose-two, inject: { kill-taskmanager: { count: 1, restart-after: 5s } } }
       |                     -------- `lose-two` begins at 1m
    11 | expect:
    12 |   - recovery-time of lose-one < 60s
       |                                 ^^^ longer than that
       |
       = help: lower the bound, or leave more time behind the fault

    error: `lag` is four metrics
      --> expectations.yaml:13:9
       |
    13 |   - max(lag) < 5k
       |         ^^^ say which one
       |
       = help: `output-lag` (acknowledged, not yet in the sink), `position-lag` (by Flink's offsets), `committed-lag` (by the group's commits, a sawtooth) or `time-lag` (in seconds)

    error: `output-lag` is measured in records, written `500` or `100k`
      --> expectations.yaml:14:18
       |
    14 |   - output-lag < 60s
       |                  ^^^ this is a time

    error: `recovery-time` is measured in time, written `250ms` or `60s`
      --> expectations.yaml:15:21
       |
    15 |   - recovery-time < 45
       |                     ^^ this is a bare number

    error: unknown metric `visble-latency`
      --> expectations.yaml:16:5
       |
    16 |   - visble-latency < 5s
       |     ^^^^^^^^^^^^^^ did you mean `visible-latency`?

    error: `failed-checkpoints` is never below zero
      --> expectations.yaml:17:26
       |
    17 |   - failed-checkpoints < 0
       |                          ^ this can never be met

    error: `=` is no comparison
      --> expectations.yaml:18:14
       |
    18 |   - delivery = exactly-once
       |              ^ did you mean `==`?

    error: nothing can answer `p95(recovery-time) over 5`
      --> expectations.yaml:19:5
       |
    19 |   - p95(recovery-time) over 5 < 30s
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the scenario runs once
       |
       = help: write `repeat: 5`, or run it with --repeat 5

    error: `30` has no unit
      --> expectations.yaml:21:25
       |
    21 |   - output-lag > 5M for 30
       |                         ^^
       |
       = help: write for example `30s`

    error: `recovery-time` is known only when the run is over
      --> expectations.yaml:22:5
       |
    22 |   - recovery-time > 5m
       |     ^^^^^^^^^^^^^
       |
       = help: watch something that is sampled, such as `output-lag` or `time-lag`
    ");
}

#[test]
fn broken() {
    insta::assert_snapshot!(said(&["broken.yaml"]), @"
    error: this is not YAML: invalid indentation in flow construct
     --> broken.yaml:3:1
      |
    3 | source: { topics: { orders: { partitions: 4 } } }
      | ^
    ");
}

#[test]
fn cluster() {
    insta::assert_snapshot!(said(&["../../../scenarios/taskmanager-loss.yaml", "--on", "cluster.yaml"]), @r#"
    error: `Laptop` is no cluster name: use lower-case letters, digits, `-` and `_`, at most 40, with a letter or a digit first
     --> cluster.yaml:1:7
      |
    1 | name: Laptop
      |       ^^^^^^

    error: unknown environment `tset`
     --> cluster.yaml:2:14
      |
    2 | environment: tset
      |              ^^^^ did you mean `test`?

    error: unknown field `broker`
     --> cluster.yaml:3:27
      |
    3 | kind: { local: { kafka: { broker: 1 }, flink: { taskmanagers: 0, slots: 2, version: 2.3 } } }
      |                           ^^^^^^ did you mean `brokers`?

    error: expected a whole number above 0, found `0`
     --> cluster.yaml:3:63
      |
    3 | kind: { local: { kafka: { broker: 1 }, flink: { taskmanagers: 0, slots: 2, version: 2.3 } } }
      |                                                               ^

    error: expected text, found `2.3`
     --> cluster.yaml:3:85
      |
    3 | kind: { local: { kafka: { broker: 1 }, flink: { taskmanagers: 0, slots: 2, version: 2.3 } } }
      |                                                                                     ^^^
      |
      = help: put it in quotes

    error: unknown restarter `me`
     --> cluster.yaml:4:30
      |
    4 | restarted-by: { taskmanager: me }
      |                              ^^
      |
      = help: known are `squall`, `platform` and `nobody`

    error: unknown field `at-mots`
     --> cluster.yaml:5:44
      |
    5 | allow: [ everything, { kill-taskmanager: { at-mots: 1 } } ]
      |                                            ^^^^^^^ did you mean `at-most`?

    error: unknown field `taskmanager`
     --> cluster.yaml:6:18
      |
    6 | keep-at-least: { taskmanager: 1 }
      |                  ^^^^^^^^^^^ did you mean `taskmanagers`?

    error: `5000` has no unit
     --> cluster.yaml:7:11
      |
    7 | max-rate: 5000
      |           ^^^^
      |
      = help: write for example `5000/s`

    error: `8` is no time of day: write it as `08:30`
     --> cluster.yaml:8:18
      |
    8 | hours: [ { from: "8", to: "18:00" } ]
      |                  ^^^
    "#);
}
