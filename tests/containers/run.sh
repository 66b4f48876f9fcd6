#!/usr/bin/env bash
# Runs live tests where a container engine is: run.sh ARGUMENTS OF THE TEST PROGRAM. The engine is the tests' own (engine.sh), with images made
# here (images.sh); it and its images are gone afterwards. Where none can be started, it says so and ends with 0, unless SQUALL_ENGINE=needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
R=$(mktemp -d)
export R
log=$R/start
trap 'tests/containers/engine.sh stop; rm -rf "$R"' EXIT
if ! tests/containers/engine.sh start >"$R/env" 2>"$log"; then
  cat "$log" "$R/dockerd.log" 2>/dev/null | tail -5 >&2
  [ "${SQUALL_ENGINE:-}" != needed ] || exit 1
  echo "no container engine can be started here: kind containers is left out" >&2
  exit 0
fi
# shellcheck disable=SC1091
. "$R/env"
# The class paths that a local cluster fetches.
jars=${SQUALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/squall}/jars
if ! compgen -G "$jars/flink-2.3.0-*/lib" >/dev/null; then
  SQUALL_STATE="$R/state" cargo run --quiet --features failpoints --bin squall -- cluster up tests/live/cluster.yaml >/dev/null
  SQUALL_STATE="$R/state" cargo run --quiet --features failpoints --bin squall -- cluster down it-live >/dev/null
fi
tests/containers/images.sh "$(compgen -G "$jars/kafka-4.3.1-*/lib" | head -1)" "$(compgen -G "$jars/flink-2.3.0-*/lib" | head -1)"
tests=$(cargo test --features failpoints --test live --no-run --message-format json 2>/dev/null | grep -oE '"executable":"[^"]*/live-[^"]*"' | tail -1 | cut -d'"' -f4)
# In the engine's namespace every kind finds what it needs; the others see no difference.
tests/containers/engine.sh in "$tests" "$@"
