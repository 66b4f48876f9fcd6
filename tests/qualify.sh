#!/usr/bin/env bash
# The long lists. Results are written below docs/qualification/, to be checked in, with commit, date, seed and machine.
#   clusters [TESTS]   every kind of cluster: what it claims, performed, witnessed and undone twice; TLS, SCRAM, nginx; one scenario on three kinds
#   demo [N]           N runs of the demo in a row (10): verdicts, spread of the recovery time, what is left behind
#   faults [A,B]       each fault (or those named) in one real run: what its report says, and one page of all
#   verdict [CASES]    jobs with planted defects and thirty clean runs: docs/verdict.md; or some of them again (drops,clean-7)
#   safety             every fault killed at every moment, healed by the guard and by `squall undo`; SQUALL_FAULTS, SQUALL_POINTS and
#                      SQUALL_HEALERS name a part of it, SQUALL_MISSING=1 runs what has no result yet
#   random-kills [N]   N short runs (50), each killed with SIGKILL at a random moment
#   fuzz [SECONDS]     everything that squall reads from others, for so many CPU seconds each (600)
#   capacity           planted jobs with a known cost: the sustainable rate, and the rate that recovers in time (about 45 minutes)
#   compare [N]        N recorded runs (24) compared in pairs drawn by seed, and with a job that is 15 % slower (about an hour)
#   soak [TIME] [A,B]  soaks (60m each) with faults in turns of a clean job, one that leaks heap, and one whose state grows
#   gameday            the example game day, watched by real Prometheus and Alertmanager, one with an alert rule that is wrong, and queries in expectations
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

# The planted jobs, and the scenarios that use them, in a folder of their own.
planted() {
  local jars
  jars=$(compgen -G "${XDG_CACHE_HOME:-$HOME/.cache}/squall/jars/flink-2.3.0-*/lib" | head -1)
  cp tests/qualify/*.yaml "$1"
  bash tests/jobs/build.sh "${SQUALL_FLINK_JARS:-$jars}" "$1/planted.jar"
}

# The program: SQUALL_EXE, else a release build.
binary() {
  squall=${SQUALL_EXE:-target/release/squall}
  [ -n "${SQUALL_EXE:-}" ] || cargo build --release --quiet --bin squall
}

# Searches, unless it was done before in this folder; its report is then FOLDER/NAME: searched FOLDER NAME SCENARIO CLUSTER ARGUMENT…
searched() {
  local folder=$1 name=$2 scenario=$3 cluster=$4 code=0
  shift 4
  [ -e "$folder/$name" ] && return
  SQUALL_STATE="$folder/state" SQUALL_REPORTS="$folder/reports/$name" "$squall" capacity "$scenario" --on "$cluster" "$@" \
    >"$folder/$name.out" 2>"$folder/$name.err" || code=$?
  echo "$code" >"$folder/$name.code"
  ln -s "$(ls -td "$folder/reports/$name"/*/capacity-* | head -1)" "$folder/$name"
}

# Highest pass and lowest fail of the first setting, `sustainable` or `recoverable`: edge REPORT WHICH
edge() {
  grep -A5 -m1 "\"$2\": {" "$1" | awk -F'[:,]' '/pass_records/ { pass = $2 } /fail_records/ { fail = $2 } END { print pass + 0, fail + 0 }'
}

# Records of the busiest subtask of the job's costly step ÷ the mean, in the run of a search: share FOLDER
share() {
  local run
  run=$(grep -m1 -A1 '"runs"' "$1/capacity.json" | grep -oE '[0-9]{8}-[0-9]{6}-[a-z0-9]+' | head -1)
  grep -A12 '"of": "subtasks of defect' "$(dirname "$(readlink -f "$1")")/$run/report.json" | grep -m1 '"skew"' | grep -oE '[0-9.]+' || echo 1
}

# What was measured after faults, and what the model says when it is fitted to the other loads: predictions REPORT
predictions() {
  echo
  echo "| load | recovery time | predicted from the other loads | residual |"
  echo "|---|---|---|---|"
  tr -d '\n' <"$1" | grep -oE '"predictions": *\[[^]]*\]' | head -1 | grep -oE '\{[^}]*\}' | sort -t: -k2 -n \
    | sed -E 's/.*"records_per_second": *([0-9.]+).*"measured_s": *([0-9.]+).*"predicted_s": *([0-9.]+|null).*"residual_ratio": *(-?[0-9.]+|null).*/\1 \2 \3 \4/' \
    | awk '{ printf "| %.0f/s | %.1f s | %s | %s |\n", $1, $2, $3 == "null" ? "–" : sprintf("%.1f s", $3), $4 == "null" ? "–" : sprintf("%+.0f %%", $4 * 100) }'
}

capacity() {
  local folder
  binary
  folder=${SQUALL_QUALIFY_KEEP:-$(mktemp -d)}
  mkdir -p docs/qualification "$folder"
  planted "$folder"
  local cluster=$folder/cost-cluster.yaml
  searched "$folder" even-1 "$folder/cost-even.yaml" "$cluster" --parallelism 1 --budget 20m --start 100/s
  searched "$folder" even-2 "$folder/cost-even.yaml" "$cluster" --parallelism 2 --budget 40m --start 100/s --objective "recovery-time < 25s" --for 10k/s
  searched "$folder" skewed-1 "$folder/cost-skewed.yaml" "$cluster" --parallelism 1 --no-even-keys --budget 20m --start 100/s
  searched "$folder" skewed-2 "$folder/cost-skewed.yaml" "$cluster" --parallelism 2 --no-even-keys --budget 20m --start 100/s
  searched "$folder" demo scenarios/taskmanager-loss.yaml scenarios/clusters/local.yaml --objective "recovery-time < 60s" --for 50k/s --budget 45m
  capacity_page "$folder"
}

# What was found: capacity_page FOLDER
capacity_page() {
  local folder=$1 page=docs/qualification/capacity.md name skew edges took
  {
    echo "# Capacity: jobs whose answer is known"
    echo
    machine
    echo "- \`tests/qualify/cost-*.yaml\`: a job that takes 2 ms a record in the mean, behind a keyBy; \`squall capacity\`, resolution 5 %, seed 11"
    echo "- *worked out*: a subtask carries 500/s, so the job carries 500/s × parallelism ÷ (most loaded subtask ÷ mean). That quotient is"
    echo "  what Flink counted in the run: a thousand keys do not fall on two subtasks in equal parts, and with 80 % of the records on one key"
    echo "  its subtask has that and about half of the rest."
    echo
    echo "| keys | parallelism | most loaded ÷ mean | worked out | highest pass | lowest fail | middle, off by | took |"
    echo "|---|---|---|---|---|---|---|---|"
    for name in even-1 even-2 skewed-1 skewed-2; do
      [ -e "$folder/$name" ] || continue
      skew=$(share "$folder/$name")
      edges=$(edge "$folder/$name/report.json" sustainable)
      took=$(number "$folder/$name/report.json" took_s)
      awk -v keys="${name%-*}" -v p="${name#*-}" -v skew="$skew" -v edges="$edges" -v took="$took" 'BEGIN {
        split(edges, edge, " "); truth = 500 * p / skew; middle = (edge[1] + edge[2]) / 2
        printf "| %s | %d | %.2f | %.0f/s | %.0f/s | %.0f/s | %.0f/s, %+.1f %% | %.0f s |\n", keys, p, skew, truth, edge[1], edge[2], middle, (middle / truth - 1) * 100, took }'
    done
    for name in even-2 demo; do
      [ -e "$folder/$name" ] || continue
      echo
      echo "## $(if [ "$name" = demo ]; then echo "The demo job"; else echo "The job with a planted cost"; fi): up to which rate it recovers in time"
      echo
      sed -n '/^## /d; /^|/d; /^$/d; p' "$folder/$name/summary.md" | head -2
      echo
      echo "λ\*: $(edge "$folder/$name/report.json" sustainable | awk '{ printf "%.0f/s to %.0f/s", $1, $2 }'); λ\*_R: $(edge "$folder/$name/report.json" recoverable | awk '{ printf "%.0f/s to %.0f/s", $1, $2 }')."
      predictions "$folder/$name/report.json"
    done
  } >"$page"
  cat "$page"
}

# A series of some of the recorded runs: pick FOLDER NAME RUN…
pick() {
  local folder=$1 name=$2 list=() run
  shift 2
  for run in "$@"; do list+=("{\"run\":\"$run\",\"seed\":0}"); done
  mkdir -p "$folder/$name"
  (IFS=,; echo "{\"schema\":1,\"series\":\"$name\",\"repeats\":$#,\"seed\":0,\"over\":[],\"runs\":[${list[*]}],\"ended\":null}") >"$folder/$name/series.json"
}

compare() {
  local runs=${1:-24} folder
  binary
  folder=${SQUALL_QUALIFY_KEEP:-$(mktemp -d)}
  mkdir -p docs/qualification "$folder"
  planted "$folder"
  export SQUALL_STATE="$folder/state" SQUALL_REPORTS="$folder/reports"
  if [ ! -d "$folder/reports/repeat-2ms" ]; then
    "$squall" run "$folder/repeat-2ms.yaml" --on "$folder/cost-cluster.yaml" --repeat "$runs" --keep-cluster >"$folder/series.txt" 2>"$folder/err-2ms.txt" || true
    "$squall" run "$folder/repeat-2300us.yaml" --on "$folder/cost-cluster.yaml" --repeat 6 --keep-cluster >"$folder/slow.txt" 2>"$folder/err-slow.txt" || true
    "$squall" cluster down q-capacity >/dev/null
  fi
  compare_page "$folder/reports/repeat-2ms" "$folder/reports/repeat-2ms" "$folder/reports/repeat-2300us"
}

# Draws from recorded runs: compare_page RUNS FAST SLOW, folders of runs of one scenario each; FAST may be RUNS
compare_page() {
  local all=$1 fast=$2 slow=$3 page=docs/qualification/compare.md recorded quick slower_runs pairs five slower try drawn
  runs_in() { find "$1" -mindepth 1 -maxdepth 1 -type d -name '2*' -printf '%f\n' | sort; }
  named() { grep -m1 -oE '^name: .*' "$1/$(runs_in "$1" | head -1)/scenario.yaml" | cut -d' ' -f2; }
  recorded=$(runs_in "$all")
  # Drawn by seed: draw SEED COUNT
  draw() { awk -v seed="$1" 'BEGIN { srand(seed) } { print rand(), $1 }' <<<"$recorded" | sort -n | head -"$2" | cut -d' ' -f2; }
  # The verdict's word, the first on the last line but the report's path.
  stands() { { SQUALL_REPORTS=$(mktemp -d) "$squall" compare "$@" --accept scenario --accept cores || true; } 2>/dev/null | tail -2 | head -1 | cut -d: -f1; }
  tally() { sort | uniq -c | awk '{ n = $1; $1 = ""; printf "%s%d%s", sep, n, $0; sep = ", " } END { print "" }'; }
  pairs=$(for try in $(seq 20); do mapfile -t drawn < <(draw "$try" 2); stands "$all/${drawn[0]}" "$all/${drawn[1]}"; done | tally)
  five=$(for try in $(seq 20); do
    mapfile -t drawn < <(draw "$((100 + try))" 10)
    pick "$all" "pick-$try-a" "${drawn[@]:0:5}"; pick "$all" "pick-$try-b" "${drawn[@]:5:5}"
    stands "$all/pick-$try-a" "$all/pick-$try-b"
  done | tally)
  mapfile -t quick < <(runs_in "$fast" | head -6)
  mapfile -t slower_runs < <(runs_in "$slow" | head -6)
  pick "$fast" quick "${quick[@]}"
  pick "$slow" slow "${slower_runs[@]}"
  slower=$(stands "$fast/quick" "$slow/slow")
  # shellcheck disable=SC2086
  pick "$all" every $recorded
  "$squall" report "$all/every" >/dev/null || true
  {
    echo "# Compare: the same, and a planted slowdown"
    echo
    machine
    echo "- $(wc -w <<<"$recorded") recorded runs of the scenario \`$(named "$all")\`, each with a TaskManager lost, on one cluster; draws by \`awk\`'s srand(try)"
    echo "- ${#quick[@]} runs of \`$(named "$fast")\` and ${#slower_runs[@]} of \`$(named "$slow")\` (\`tests/qualify/\`): a job that takes 2 ms, and 2.3 ms, for each record"
    echo
    echo "| what | stands |"
    echo "|---|---|"
    echo "| one run against another, 20 draws | $pairs |"
    echo "| five runs against five others, 20 draws | $five |"
    echo "| ${#quick[@]} runs against ${#slower_runs[@]} of the job that is 15 % slower | $slower |"
    echo
    echo "## The spread of the $(wc -w <<<"$recorded") runs"
    echo
    sed '/^## /d' "$all/every/summary.md"
    echo
    echo "## The slower job"
    echo
    { SQUALL_REPORTS=$(mktemp -d) "$squall" compare "$fast/quick" "$slow/slow" --accept scenario || true; } 2>/dev/null | sed -n '/^  figure/,/^$/p' | sed 's/^/    /'
  } >"$page"
  cat "$page"
}

# Packages beyond those of ./dev setup; an engine of its own in a network namespace, so it takes root.
clusters() {
  local page=docs/qualification/clusters.md code=0
  ./dev setup openssh-server nginx-light docker.io busybox-static iproute2 openssl
  SQUALL_QUALIFY=$(mktemp -d)
  export SQUALL_QUALIFY
  trap 'rm -rf "$SQUALL_QUALIFY"' EXIT
  [ $# -gt 0 ] || set -- conformance::qualify_ external::qualify_ containers::qualify_ secured::qualify_ check_defaults::qualify_ three_kinds::qualify_ --skip in_short
  SQUALL_ENGINE=needed tests/containers/run.sh --ignored --test-threads=1 --show-output "$@" 2>&1 | tee "$SQUALL_QUALIFY/log" || code=$?
  mkdir -p docs/qualification
  {
    echo "# Every kind of cluster"
    echo
    machine
    echo "- $(dockerd --version), $(ssh -V 2>&1), $(/usr/sbin/nginx -v 2>&1)"
    echo
    echo "## taskmanager-loss on three kinds"
    echo
    cat "$SQUALL_QUALIFY/three-kinds.md" 2>/dev/null || echo "no result"
    echo
    for table in "$SQUALL_QUALIFY"/conformance-*.md; do
      [ -e "$table" ] && cat "$table" && echo
    done
    echo "## Tests"
    echo
    echo "| test | |"
    echo "|---|---|"
    sed -nE 's/^test ([a-z_:]+) \.\.\. (ok|FAILED)$/| `\1` | \2 |/p' "$SQUALL_QUALIFY/log"
    echo
    grep -E '^test result' "$SQUALL_QUALIFY/log" || true
  } >"$page"
  return "$code"
}

soak() {
  local lasts=${1:-60m} page=docs/qualification/soak.md rows code=0
  rows=$(mktemp)
  SQUALL_SOAK=$lasts SQUALL_CASES=${2:-} SQUALL_ROWS=$rows cargo test --release --features failpoints --test it -- --nocapture --ignored qualify_soak || code=$?
  {
    echo "# Soaks of $lasts"
    echo
    machine
    echo "- \`./dev qualify soak $lasts\`; seed 7; a sink slowed for 15 s and a killed TaskManager in turns"
    echo "- planted: \`leak-heap\` keeps 400 bytes of each of 100 records/s in a static list (2.41 MiB/min with the JVM's own bytes), \`grow-state\` 1,000 bytes of each of 20 records/s in operator state (1.15 MiB/min)"
    echo
    cat "$rows"
  } >"$page"
  rm -f "$rows"
  return $code
}

gameday() {
  cargo test --features failpoints --test live -- --test-threads=1 --nocapture --ignored qualify_gameday
}

case "${1:-}" in
  clusters) shift; clusters "$@" ;;
  capacity) shift; capacity "$@" ;;
  compare) shift; compare "$@" ;;
  demo) shift; demo "$@" ;;
  verdict) shift; verdict "$@" ;;
  faults) SQUALL_FAULTS=${2:-} exec cargo test --features failpoints --test live -- --ignored --exact --nocapture faults::qualify_faults ;;
  safety) shift; safety "$@" ;;
  random-kills) shift; random_kills "$@" ;;
  fuzz) shift; fuzz "$@" ;;
  soak) shift; soak "$@" ;;
  gameday) gameday ;;
  *) grep '^#   ' "$0" | cut -c5- >&2; exit 2 ;;
esac
