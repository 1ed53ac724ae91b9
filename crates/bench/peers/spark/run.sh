#!/usr/bin/env bash
# Runs one of the benchmark's workloads on Apache Spark Streaming: run.sh WORKLOAD [ARGS].
# Figures go to standard output, a JSON object a line; all else to standard error. See README.md.
set -euo pipefail

readonly SPARK_VERSION=4.3.0
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly home=${SPARK_PEER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/headwater/spark-peer}
readonly environment=$home/pyspark-$SPARK_VERSION
readonly classes=$home/classes-$SPARK_VERSION
java=java
javac=javac
if [[ -n ${JAVA_HOME:-} ]]; then
  java=$JAVA_HOME/bin/java
  javac=$JAVA_HOME/bin/javac
fi

scratch=
child=

# Ends the JVM before its files go, whichever way this script ends.
clean_up() {
  if [[ -n $child ]] && kill "$child" 2>/dev/null; then
    wait "$child" || true
  fi
  if [[ -n $scratch ]]; then
    rm -rf -- "$scratch"
  fi
}

missing() {
  echo "run.sh: missing: $1" >&2
  exit 3
}

# Prints the major version of a JDK tool, or 0 where there is none.
major_version() {
  local text
  text=$("$1" -version 2>&1) || text=
  if [[ $text =~ (version \"|javac )([0-9]+) ]]; then
    echo "${BASH_REMATCH[2]}"
  else
    echo 0
  fi
}

check_tools() {
  command -v python3 >/dev/null || missing "python3"
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing "pip (python3's venv and ensurepip)"
  local tool version
  for tool in "$java" "$javac"; do
    version=$(major_version "$tool")
    # Later versions than 21 took away what Spark's file access calls.
    ((version >= 17 && version <= 21)) \
      || missing "a Java 17 JDK, 21 at most ($tool: version $version)"
  done
}

# Builds beside the final place and moves at the end, so that what is in place is whole.
install_spark() {
  [[ -d $environment ]] && return
  echo "run.sh: installing pyspark $SPARK_VERSION in $environment" >&2
  python3 -m venv "$scratch/environment" >&2
  "$scratch/environment/bin/python" -m pip --disable-pip-version-check install --quiet \
    --no-cache-dir "pyspark==$SPARK_VERSION" >&2
  # Another run may have been first; its environment is as good.
  mv -T -- "$scratch/environment" "$environment" || [[ -d $environment ]]
}

# Compiles unless the classes in place are those of these very sources, which lie beside them.
compile() {
  mkdir "$scratch/classes" "$scratch/classes/sources"
  cp -- "$here"/*.java "$scratch/classes/sources"
  diff -rq "$scratch/classes/sources" "$classes/sources" >/dev/null 2>&1 && return
  "$javac" --release 17 -nowarn -XDsuppressNotes -cp "$jars/*" -d "$scratch/classes" \
    "$scratch"/classes/sources/*.java >&2
  cat >"$scratch/classes/log4j2.properties" <<'EOF'
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
EOF
  rm -rf -- "$classes"
  mv -T -- "$scratch/classes" "$classes"
}

# Prints the flags with which Spark's own launcher starts a JVM, as far as these workloads go.
module_flags() {
  local package
  for package in java.base/{java.lang,java.lang.invoke,java.lang.reflect,java.io,java.net} \
    java.base/{java.nio,java.util,java.util.concurrent,java.util.concurrent.atomic} \
    java.base/{jdk.internal.ref,sun.nio.ch,sun.nio.cs,sun.security.action,sun.util.calendar} \
    java.security.jgss/sun.security.krb5; do
    echo "--add-opens=$package=ALL-UNNAMED"
  done
}

check_tools
mkdir -p -- "$home"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
scratch=$(mktemp -d "$home/run.XXXXXXXX")
install_spark
jars=$(echo "$environment"/lib/python3*/site-packages/pyspark/jars)
compile
mkdir "$scratch/tmp"
mapfile -t flags < <(module_flags)

"$java" "${flags[@]}" -Dio.netty.tryReflectionSetAccessible=true -Xmx4g \
  -Djava.io.tmpdir="$scratch/tmp" -cp "$classes:$jars/*" Peer "$@" &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
