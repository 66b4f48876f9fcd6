#!/usr/bin/env bash
# Makes images of the layout of the official ones, from this machine's own Java and jars, without any registry:
#   squall-test/kafka:4.3.1 (/opt/kafka/libs)   squall-test/flink:2.3.0 (/opt/flink/lib)
# usage: images.sh KAFKA_JARS FLINK_JARS, with DOCKER_HOST set. Needs openjdk-17-jdk-headless, busybox-static, docker.io.
set -euo pipefail
kafka=$1 flink=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jdk=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
docker=/usr/bin/docker
[ -x "$docker" ] || docker=docker
root=$work/root
mkdir -p "$root"/{bin,usr/bin,lib64,lib/x86_64-linux-gnu,etc,tmp,proc,sys,dev,opt}
chmod 1777 "$root/tmp"
modules=java.se,jdk.unsupported,jdk.crypto.ec,jdk.management,jdk.zipfs,jdk.naming.dns,jdk.net,jdk.security.auth,jdk.jcmd
"$jdk/bin/jlink" --module-path "$jdk/jmods" --add-modules "$modules" --strip-java-debug-attributes --no-header-files --no-man-pages \
  --output "$root/opt/java"
# For screens and sound.
rm -f "$root"/opt/java/lib/lib{awt_xawt,splashscreen,jsound}.so
"$root/opt/java/bin/java" -Xshare:dump >/dev/null
ln -s /opt/java/bin/java "$root/usr/bin/java"
# What java and its libraries link to, and what jars unpack and load: RocksDB, snappy, zstd; name services.
libraries=$(ldd "$root/opt/java/bin/java" "$root/opt/java/lib/server/libjvm.so" "$root"/opt/java/lib/*.so | awk '$3 ~ "^/" && $3 !~ "/opt/java/" { print $3 }' | sort -u)
for library in $libraries /lib/x86_64-linux-gnu/lib{stdc++.so.6,gcc_s.so.1,pthread.so.0,dl.so.2,rt.so.1,nss_files.so.2,nss_dns.so.2,resolv.so.2}; do
  cp -L "$library" "$root/lib/x86_64-linux-gnu/"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
cp "${BUSYBOX:-/bin/busybox}" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
context=$work/context
mkdir -p "$context"/{kafka,flink}
tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$context/root.tar" .
cp "$kafka"/*.jar "$context/kafka/"
cp "$flink"/*.jar "$context/flink/"
cd "$context"
cat >jre.Dockerfile <<'TEXT'
FROM scratch
ADD root.tar /
ENV PATH=/usr/bin:/bin:/opt/java/bin JAVA_HOME=/opt/java LANG=C.UTF-8
TEXT
printf 'FROM squall-test/jre:17\nCOPY kafka/ /opt/kafka/libs/\n' >kafka.Dockerfile
printf 'FROM squall-test/jre:17\nCOPY flink/ /opt/flink/lib/\n' >flink.Dockerfile
build() { tar -c "$1.Dockerfile" "$3" | DOCKER_BUILDKIT=0 "$docker" build -q -t "$2" -f "$1.Dockerfile" - >/dev/null; }
build jre squall-test/jre:17 root.tar
build kafka squall-test/kafka:4.3.1 kafka
build flink squall-test/flink:2.3.0 flink
"$docker" image ls --filter reference='squall-test/*'
