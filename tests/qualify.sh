#!/usr/bin/env bash
# The long lists. Results are written below docs/qualification/, to be checked in, with commit, date, seed and machine.
#   demo [N]           N runs of the demo in a row (10): verdicts, spread of the recovery time, what is left behind
#   faults [A,B]       each fault (or those named) in one real run: what its report says, and one page of all
#   verdict [CASES]    jobs with planted defects and thirty clean runs: docs/verdict.md; or some of them again (drops,clean-7)
#   safety             every fault killed at every moment, healed by the guard and by `squall undo`; SQUALL_FAULTS, SQUALL_POINTS and
#                      SQUALL_HEALERS name a part of it, SQUALL_MISSING=1 runs what has no result yet
#   random-kills [N]   N short runs (50), each killed with SIGKILL at a random moment
#   fuzz [SECONDS]     everything that squall reads from others, for so many CPU seconds each (600)
set -euo pipefail
cd "$(dirname "$0")/.."

machine() {
  echo "- commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo ' with local changes'), $(date -u +%F)"
  echo "- $(nproc) cores, $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), $(. /etc/os-release && echo "$PRETTY_NAME"), load at the start $(cut -d' ' -f1 /proc/loadavg)"
}

# The first number behind a key of a report.
number() { grep -m1 -oE "\"$2\": *-?[0-9.]+" "$1" | grep -oE -- '-?[0-9.]+$' || echo none; }

demo() {
  local runs=${1:-10} results folder page=docs/qualification/demo.md
  cargo build --release --quiet --bin squall
  folder=$(mktemp -d)
  mkdir -p docs/qualification
  {
    echo "# The demo, $runs times in a row"
    echo
    machine
    echo "- \`scenarios/taskmanager-loss.yaml\` on \`scenarios/clusters/local.yaml\`, a new cluster each time; seed = number of the run"
    echo
    echo "| run | exit | recovery time | ± | output stopped | lost | twice | processes left |"
    echo "|---|---|---|---|---|---|---|---|"
  } >"$page"
  for run in $(seq "$runs"); do
    local code=0
    SQUALL_REPORTS="$folder" target/release/squall run scenarios/taskmanager-loss.yaml --on scenarios/clusters/local.yaml --seed "$run" \
      >"$folder/out.txt" 2>"$folder/err.txt" || code=$?
    results=$folder/taskmanager-loss/latest/report.json
    local left
    left=$( (grep -lsa "SQUALL_CLUSTER=laptop:" /proc/[0-9]*/environ 2>/dev/null || true) | wc -l)
    echo "| $run | $code | $(number "$results" recovery_time_s) s | $(number "$results" recovery_time_error_s) s | $(number "$results" outage_s) s | $(number "$results" lost) | $(number "$results" duplicates) | $left |" | tee -a "$page"
  done
  rm -rf "$folder"
}

verdict() {
  [ $# -gt 0 ] || rm -rf target/tmp/verdict
  SQUALL_CASES=${1:-} cargo test --quiet --features failpoints --test it -- --ignored --nocapture qualify_verdict
}

safety() {
  cargo test --features failpoints --test live -- --test-threads=1 --nocapture --ignored --skip qualify_
  cargo test --features failpoints --test live -- --test-threads=1 --nocapture --ignored qualify_safety
}

random_kills() {
  SQUALL_KILLS=${1:-50} cargo test --features failpoints --test live -- --test-threads=1 --nocapture --ignored qualify_random_kills
}

fuzz() {
  local seconds=${1:-600} page=docs/qualification/fuzz.md rows
  rows=$(mktemp)
  SQUALL_FUZZ_SECONDS=$seconds SQUALL_FUZZ_ROWS=$rows cargo test --features failpoints --test it -- --nocapture --ignored qualify_fuzz
  {
    echo "# What squall reads from others, fuzzed"
    echo
    machine
    echo "- \`./dev qualify fuzz $seconds\`: that many CPU seconds for each reader"
    echo
    echo "Mutations of what is valid (bytes, words, lines, splices, edges of numbers and text, deep nesting), made from a seed, so that every input can"
    echo "be made again. The readers are \`squall::fuzz::TARGETS\`; each asks of the value what squall asks of it: a scenario is checked and planned, a"
    echo "journal is analysed and every report made of it, Flink's answers go through the real HTTP clients. The build is the tests' own: overflow and"
    echo "indices are checked. A panic, or an input that takes longer than a minute, ends the test."
    echo
    echo "| reader | seed | CPU time | inputs | bytes | slowest input | panics | hangs |"
    echo "|---|---|---|---|---|---|---|---|"
    cat "$rows"
  } >"$page"
  rm -f "$rows"
}

case "${1:-}" in
  verdict) shift; verdict "$@" ;;
  demo) shift; demo "$@" ;;
  faults) SQUALL_FAULTS=${2:-} exec cargo test --features failpoints --test live -- --ignored --exact --nocapture faults::qualify_faults ;;
  safety) shift; safety "$@" ;;
  random-kills) shift; random_kills "$@" ;;
  fuzz) shift; fuzz "$@" ;;
  *) grep '^#   ' "$0" | cut -c5- >&2; exit 2 ;;
esac
