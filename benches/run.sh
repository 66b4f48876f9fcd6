#!/usr/bin/env bash
# Benchmarks, in release: ./dev bench [NAME [WORD…]]. Some start a real Kafka and compare with a peer in the same run.
#   producer [throughput | slip | cost]   squall's producer beside kafka-producer-perf-test and a bare librdkafka loop
#   traffic                               keys, shapes, records and ledger, in ns a record
#   ledger                                the verifier, at 10 and 100 million records
#   day [HOURS]                           the report of a day's soak from its journal, and what a run keeps in memory for each hour
#   proxy [PART…]                         squall's proxy beside the direct way and toxiproxy
#   fired FOLDER…                         how late the faults of these runs were
# Tables go into docs/benchmarks.md, between their marks.
set -euo pipefail
cd "$(dirname "$0")/.."

machine() {
  local commit also=${1:-}
  commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- src benches Cargo.lock || echo ' with local changes')
  echo "Commit $commit, $(date -u +%F). $(nproc) cores of $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r | grep -oE '^[0-9.]+[0-9]'); $(rustc --version | cut -d' ' -f1,2)$also."
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
      tee >(cat >&2) | into_page "producer $part"
  done
}

traffic() {
  { machine; printf '\n```text\n'; cargo bench --quiet --bench traffic -- "$@"; echo '```'; } | tee >(cat >&2) | into_page traffic
}

ledger() {
  { machine; printf '\n```text\n'; cargo bench --quiet --bench ledger -- "$@"; echo '```'; } | tee >(cat >&2) | into_page ledger
}

day() {
  { machine; printf '\n```text\n'; cargo bench --quiet --bench day -- "$@"; echo '```'; } | tee /dev/stderr | into_page day
}

# Sets TOXIPROXY (host:port of its API).
toxiproxy_up() {
  local out=$PWD/target/bench/toxiproxy port tries
  command -v go >/dev/null || { echo "toxiproxy is a Go module: apt-get install golang-go" >&2; exit 1; }
  [ -x "$out/server" ] || GOBIN=$out go install "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY_VERSION" >&2
  port=$(free_port 28474)
  "$out/server" -host 127.0.0.1 -port "$port" >"$out/log.txt" 2>&1 &
  toxiproxy_pid=$!
  TOXIPROXY=127.0.0.1:$port
  export TOXIPROXY
  for tries in $(seq 50); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    sleep 0.1
  done
  cat "$out/log.txt" >&2
  return 1
}

TOXIPROXY_VERSION=v2.12.0

proxy() {
  . benches/kafka/start.sh
  cargo bench --quiet --bench proxy --no-run
  kafka_up squall toxiproxy
  toxiproxy_up
  trap 'kill "$toxiproxy_pid" 2>/dev/null || true; kafka_down' EXIT
  { machine ", $(go version | cut -d' ' -f3), toxiproxy $TOXIPROXY_VERSION"; echo; cargo bench --quiet --bench proxy -- "$@"; } |
    tee >(cat >&2) | into_page proxy
}

name=${1:-all}
shift || true
case "$name" in
  all) producer throughput slip cost; traffic; ledger; day; proxy round-trips throughput delays memory kafka ;;
  producer) [ $# -gt 0 ] || set -- throughput slip cost; producer "$@" ;;
  traffic) traffic "$@" ;;
  ledger) ledger "$@" ;;
  day) day "$@" ;;
  proxy) [ $# -gt 0 ] || set -- round-trips throughput delays memory kafka; proxy "$@" ;;
  fired) { machine; echo; cargo bench --quiet --bench proxy -- fired "$@"; } | tee >(cat >&2) | into_page fired ;;
  *) grep '^#   ' "$0" | cut -c5- >&2; exit 2 ;;
esac
