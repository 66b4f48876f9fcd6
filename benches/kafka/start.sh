# A single-node Kafka with its own defaults, on loopback, for benchmarks: source this file and call kafka_up [WAY…]. It ends with the shell.
# Sets KAFKA (host:port) and KAFKA_CLASS_PATH; for each WAY a listener more, and in KAFKA_WAYS a word WAY=ADVERTISED,LISTENER: nobody listens at ADVERTISED yet.

# The first port from here on where nobody listens.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

kafka_up() {
  local here=benches/kafka out=target/bench/kafka cluster port controller
  mkdir -p "$out"
  if [ ! -s "$out/class-path.txt" ] || [ "$here/pom.xml" -nt "$out/class-path.txt" ]; then
    echo "fetching Kafka with Maven, once" >&2
    mvn --quiet --batch-mode --strict-checksums -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
      -DincludeScope=runtime -Dmdep.outputFile="$PWD/$out/class-path.txt" >&2
  fi
  KAFKA_CLASS_PATH=$(cat "$out/class-path.txt")
  kafka_folder=$(mktemp -d)
  port=$(free_port 29092)
  controller=$(free_port $((port + 1)))
  KAFKA=127.0.0.1:$port
  local way ways= listeners=PLAINTEXT://$KAFKA advertised=PLAINTEXT://$KAFKA protocols=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT next=$controller listener
  for way in "$@"; do
    listener=$(free_port $((next + 1)))
    next=$(free_port $((listener + 1)))
    listeners+=,${way^^}://127.0.0.1:$listener
    advertised+=,${way^^}://127.0.0.1:$next
    protocols+=,${way^^}:PLAINTEXT
    ways+=" $way=127.0.0.1:$next,127.0.0.1:$listener"
  done
  KAFKA_WAYS="direct=$KAFKA$ways"
  export KAFKA KAFKA_CLASS_PATH KAFKA_WAYS
  cat >"$kafka_folder/server.properties" <<TEXT
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://127.0.0.1:$controller
advertised.listeners=$advertised
listener.security.protocol.map=$protocols
log.dirs=$kafka_folder/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.segment.delete.delay.ms=1000
TEXT
  printf 'rootLogger.level=WARN\nrootLogger.appenderRef.out.ref=OUT\nappender.out.type=Console\nappender.out.name=OUT\n' >"$kafka_folder/log4j.properties"
  local java=(java "-Dlog4j2.configurationFile=$kafka_folder/log4j.properties" -cp "$KAFKA_CLASS_PATH")
  cluster=$("${java[@]}" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -1)
  "${java[@]}" kafka.tools.StorageTool format "--cluster-id=$cluster" --config "$kafka_folder/server.properties" >/dev/null 2>&1
  # The flags of Kafka's own start script.
  java -Xmx1G -Xms1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent \
    "${java[@]:1}" kafka.Kafka "$kafka_folder/server.properties" >"$kafka_folder/log.txt" 2>&1 &
  kafka_pid=$!
  trap kafka_down EXIT
  local tries
  for tries in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    kill -0 "$kafka_pid" 2>/dev/null || break
    sleep 0.2
  done
  cat "$kafka_folder/log.txt" >&2
  return 1
}

kafka_down() {
  kill "$kafka_pid" 2>/dev/null || true
  wait "$kafka_pid" 2>/dev/null || true
  rm -rf "$kafka_folder"
}
