#!/usr/bin/env bash
# The long lists. Results are written below docs/qualification/, to be checked in, with commit, date, seed and machine.
#   demo [N]   N runs of the demo in a row (10): verdicts, spread of the recovery time, what is left behind
#   faults [A,B]  each fault (or those named) in one real run: what its report says, and one page of all
#   verdict [CASES]   jobs with planted defects and thirty clean runs: docs/verdict.md; or some of them again (drops,clean-7)
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

case "${1:-}" in
  verdict) shift; verdict "$@" ;;
  demo) shift; demo "$@" ;;
  faults) SQUALL_FAULTS=${2:-} exec cargo test --features failpoints --test live -- --ignored --exact --nocapture faults::qualify_faults ;;
  *) grep '^#   ' "$0" | cut -c5- >&2; exit 2 ;;
esac
