#!/usr/bin/env bash
# Benchmarks, in release: ./dev bench [proxy | producer | traffic [FILTER…]]. Some start a real Kafka and compare with a peer in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  exec cargo bench --benches
fi
name=$1
shift
exec cargo bench --bench "$name" -- "$@"
