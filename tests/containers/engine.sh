#!/usr/bin/env bash
# A container engine for the tests, in a network namespace of its own: nothing of it reaches the machine's network or its rules, and
# nothing in it reaches the world.
#   R=FOLDER engine.sh start    prints the lines to source
#   R=FOLDER engine.sh stop     ends it with everything in it
#   R=FOLDER engine.sh in COMMAND …    runs a command where its ports are
# Needs root, docker.io, iproute2 and util-linux. `ip netns exec` would hide the control groups; nsenter does not.
set -euo pipefail
R=${R:?folder for the engine\'s data}
NS=${NS:-squall-$(printf '%s' "$R" | cksum | cut -d' ' -f1)}
inside() { nsenter --net="/var/run/netns/$NS" "$@"; }
case ${1:-} in
  start)
    mkdir -p "$R"
    [ -e "/var/run/netns/$NS" ] || ip netns add "$NS"
    inside ip link set lo up
    [ -S "$R/docker.sock" ] && curl -sf --unix-socket "$R/docker.sock" http://d/_ping >/dev/null && { echo "export DOCKER_HOST=unix://$R/docker.sock"; exit 0; }
    setsid nsenter --net="/var/run/netns/$NS" dockerd --data-root "$R/data" --exec-root "$R/exec" --pidfile "$R/dockerd.pid" \
      -H "unix://$R/docker.sock" --ip 127.0.0.1 --dns 127.0.0.1 --log-level warn >>"$R/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 300); do
      curl -sf --unix-socket "$R/docker.sock" http://d/_ping >/dev/null && { echo "export DOCKER_HOST=unix://$R/docker.sock"; exit 0; }
      sleep 0.1
    done
    echo "the engine does not answer; its log is $R/dockerd.log" >&2
    exit 1
    ;;
  stop)
    [ -e "$R/dockerd.pid" ] && kill "$(cat "$R/dockerd.pid")"
    for _ in $(seq 300); do [ -e "$R/dockerd.pid" ] || break; sleep 0.1; done
    [ -e "/var/run/netns/$NS" ] && ip netns del "$NS"
    rm -rf "$R/exec"
    ;;
  in) shift; export DOCKER_HOST="unix://$R/docker.sock"; exec nsenter --net="/var/run/netns/$NS" "$@" ;;
  *) echo "usage: R=FOLDER $0 start|stop|in COMMAND" >&2; exit 2 ;;
esac
