#!/usr/bin/env bash
# Compiles the planted jobs against the jars of a Flink: build.sh FLINK_JARS JAR, where the jars are a folder or a class path
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
jars=$1
[ -d "$jars" ] && jars="$jars/*"
javac -nowarn -Xlint:-options --release 11 -cp "$jars" -d "$classes" "$here"/dev/squall/jobs/*.java
jar --create --file "$2.new" -C "$classes" .
mv "$2.new" "$2"
