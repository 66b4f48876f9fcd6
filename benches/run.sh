#!/usr/bin/env bash
# Benchmarks, in release: ./dev bench [NAME [WORD…]]. Some start a real Kafka and compare with a peer in the same run.
#   producer [throughput | slip | cost]   squall's producer beside kafka-producer-perf-test and a bare librdkafka loop
#   traffic                               keys, shapes, records and ledger, in ns a record
#   proxy, ledger                         see benches/
# Tables of `producer` and `traffic` go into docs/benchmarks.md, between their marks.
set -euo pipefail
cd "$(dirname "$0")/.."

machine() {
  local commit also=${1:-}
  commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- src benches Cargo.lock || echo ' with local changes')
  echo "Commit $commit, $(date -u +%F). $(nproc) cores of $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r); $(rustc --version | cut -d' ' -f1,2)$also."
}

# Puts standard input between the marks of a part of docs/benchmarks.md.
into_page() {
  local page=docs/benchmarks.md new
  new=$(mktemp)
  awk -v part="$1" -v table="$(cat)" '
    $0 == "<!-- made by ./dev bench " part " -->" { print; print table; skipping = 1; next }
    $0 == "<!-- end -->" { skipping = 0 }
    !skipping { print }' "$page" >"$new"
  cat "$new" >"$page"
  rm "$new"
}

producer() {
  . benches/kafka/start.sh
  cargo bench --quiet --bench producer --no-run
  kafka_up
  local part kafka
  kafka=$(grep -o 'kafka_2.13-[0-9.]*[0-9]' <<<"$KAFKA_CLASS_PATH" | head -1 | cut -d- -f2)
  for part in "${@:-throughput}"; do
    { machine ", Java $(java -version 2>&1 | sed -n 's/.*version "\(.*\)".*/\1/p'), Kafka $kafka"; cargo bench --quiet --bench producer -- "$part"; } |
      tee /dev/stderr | into_page "producer $part"
  done
}

traffic() {
  { machine; printf '\n```text\n'; cargo bench --quiet --bench traffic -- "$@"; echo '```'; } | tee /dev/stderr | into_page traffic
}

name=${1:-all}
shift || true
case "$name" in
  all) producer throughput slip cost; traffic; exec cargo bench --bench proxy --bench ledger ;;
  producer) [ $# -gt 0 ] || set -- throughput slip cost; producer "$@" ;;
  traffic) traffic "$@" ;;
  *) exec cargo bench --bench "$name" -- "$@" ;;
esac
