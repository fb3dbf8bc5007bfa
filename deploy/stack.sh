#!/usr/bin/env bash
# The demo stack behind ./dev up, down and logs: sandbox, core, ingress and two egresses on loopback, from
# build/bin. State, logs and pids are in var/up, which every `up` begins anew (the sandbox forgets, so must we).
# The addresses can be changed by environment, as can the folder (AMO_UP_DIR), so that two stacks can stand at once.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
BIN=$PWD/build/bin
STATE=${AMO_UP_DIR:-$PWD/var/up}

INGRESS=${AMO_INGRESS_LISTEN:-127.0.0.1:8080}
SANDBOX=${AMO_SANDBOX_LISTEN:-127.0.0.1:9800}
INGRESS_ADMIN=${AMO_INGRESS_ADMIN_LISTEN:-127.0.0.1:9101}
CORE_ADMIN=${AMO_CORE_ADMIN_LISTEN:-127.0.0.1:9102}
EGRESS_ADMIN_1=${AMO_EGRESS_ADMIN_LISTEN:-127.0.0.1:9103}
EGRESS_ADMIN_2=${AMO_EGRESS_2_ADMIN_LISTEN:-127.0.0.1:9104}
NAMES=(sandbox core ingress egress-1 egress-2)

fail() {
    printf 'dev up: %s\n' "$*" >&2
    exit 1
}

# alive NAME: its process is there, and is ours (a pid may have been given to another program since).
alive() {
    local pid
    pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 1
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
    "$BIN"/amo-*) return 0 ;;
    esac
    return 1
}

# Nobody may listen there yet: ingresses share a port without complaint, and the demo would reach the wrong one.
must_be_free() {
    local host=${1%:*} port=${1##*:}
    if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
        fail "$1 is taken: another program listens there ($2 would)"
    fi
}

start() {
    local name=$1 program=$2
    shift 2
    [ -x "$BIN/$program" ] || fail "$BIN/$program was not built"
    # A session of its own: the stack outlives the terminal that started it.
    AMO_NAME=$name setsid "$BIN/$program" "$@" >"$STATE/$name.out" 2>"$STATE/$name.log" </dev/null &
    echo $! >"$STATE/$name.pid"
    disown
}

# await NAME URL: until the address answers 200, the process dies, or 20 s are over.
await() {
    local i
    for i in $(seq 200); do
        if curl -fsS --max-time 2 -o /dev/null "$2" 2>/dev/null; then
            return 0
        fi
        if [ "$i" -gt 5 ] && ! alive "$1"; then
            tail -n 5 "$STATE/$1.log" >&2
            fail "$1 did not start; its log is $STATE/$1.log"
        fi
        sleep 0.1
    done
    curl -sS --max-time 2 "$2" >&2 || true
    tail -n 5 "$STATE/$1.log" >&2
    fail "$1 was not ready after 20 s ($2)"
}

stop_all() {
    local name left pid deadline=$((SECONDS + 25))
    for name in egress-2 egress-1 ingress core sandbox; do
        pid=$(cat "$STATE/$name.pid" 2>/dev/null) || continue
        if alive "$name"; then
            kill -TERM "$pid" 2>/dev/null || true
        elif [ -n "$(readlink "/proc/$pid/exe" 2>/dev/null)" ]; then # a zombie has none
            echo "process $pid is left alone: $STATE/$name.pid names it, but it does not run from $BIN" >&2
        fi
    done
    while :; do
        left=
        for name in "${NAMES[@]}"; do
            if alive "$name"; then
                left="$left $name"
            fi
        done
        if [ -z "$left" ] || [ $SECONDS -ge $deadline ]; then
            break
        fi
        sleep 0.1
    done
    for name in $left; do
        echo "$name did not stop within 25 s; killing it"
        kill -KILL "$(cat "$STATE/$name.pid")" 2>/dev/null || true
    done
    rm -f "$STATE"/*.pid
}

# Whatever fails on the way up takes the rest down again.
undo() {
    local rc=$?
    [ $rc = 0 ] && return
    stop_all >&2
    echo "dev up: failed; nothing was left running (logs are in $STATE)" >&2
    exit 1
}

up() {
    local name
    for name in "${NAMES[@]}"; do
        ! alive "$name" || fail "the stack is running already: ./dev down stops it"
    done
    must_be_free "$SANDBOX" sandbox
    must_be_free "$INGRESS" ingress
    must_be_free "$INGRESS_ADMIN" "the admin listener of ingress"
    must_be_free "$CORE_ADMIN" "the admin listener of core"
    must_be_free "$EGRESS_ADMIN_1" "the admin listener of egress-1"
    must_be_free "$EGRESS_ADMIN_2" "the admin listener of egress-2"
    rm -rf "$STATE"
    mkdir -p "$STATE"
    chmod 700 "$STATE"
    trap undo EXIT
    trap 'exit 1' INT TERM

    # Nothing of the caller's own settings but the addresses above and the log level may leak in.
    local level=${AMO_LOG_LEVEL:-info}
    unset "${!AMO_@}"
    export AMO_LOG_LEVEL=$level
    export AMO_DATA_DIR=$STATE/data AMO_RUN_DIR=$STATE/run AMO_INGRESS_LISTEN=$INGRESS
    export AMO_INGRESS_ADMIN_LISTEN=$INGRESS_ADMIN AMO_CORE_ADMIN_LISTEN=$CORE_ADMIN
    echo "starting sandbox, core, ingress and two egresses"
    start sandbox amo-sandbox --listen "$SANDBOX"
    start core amo-core
    start ingress amo-ingress
    AMO_EGRESS_ADMIN_LISTEN=$EGRESS_ADMIN_1 start egress-1 amo-egress
    AMO_EGRESS_ADMIN_LISTEN=$EGRESS_ADMIN_2 start egress-2 amo-egress
    await sandbox "http://$SANDBOX/_sandbox/counters"
    await core "http://$CORE_ADMIN/readyz"
    await ingress "http://$INGRESS/readyz"
    await egress-1 "http://$EGRESS_ADMIN_1/readyz"
    await egress-2 "http://$EGRESS_ADMIN_2/readyz"

    DEMO_SANDBOX=http://$SANDBOX DEMO_BRIDGE_INSIDE=http://$INGRESS DEMO_DIR=$STATE/demo \
        DEMO_AMOCTL=$BIN/amoctl deploy/demo.sh || fail "the demo did not go through"
    # A process that died after its part of the demo must not pass for a running stack.
    for name in "${NAMES[@]}"; do
        alive "$name" || fail "$name is gone; its log is $STATE/$name.log"
    done
    tell
    trap - EXIT
}

tell() {
    cat <<END

The bridge is running.

  webhooks and connector API  http://$INGRESS            (health: http://$INGRESS_ADMIN/readyz)
  metrics                     http://$INGRESS_ADMIN/metrics  http://$CORE_ADMIN/metrics  http://$EGRESS_ADMIN_1/metrics
  sandbox                     http://$SANDBOX/_sandbox/amojo/messages
  state and logs              $STATE

What to try next:

  . deploy/demo-env.sh        amoctl and amo-monitor of this stack in your shell; then
    amoctl status
    amoctl queue
    amo-monitor tail          (leave it open in another terminal)
  a client writes:            curl -s http://$SANDBOX/_sandbox/client/writes -d '{"connector":"demo","source":"wa1","conversation":"79005550102","text":"hi"}'
  what amoCRM got:            curl -s http://$SANDBOX/_sandbox/amojo/messages
  break something:            curl -s http://$SANDBOX/_sandbox/faults -d '{"on":"amojo.new_message","status":503,"times":3}'
  ./dev logs                  follow what the processes say
  ./dev down                  stop everything
END
}

down() {
    if [ ! -d "$STATE" ]; then
        echo "nothing is running"
        return 0
    fi
    stop_all
    echo "stopped"
}

logs() {
    local files=() name
    for name in "${@:-${NAMES[@]}}"; do
        [ -f "$STATE/$name.log" ] || fail "there is no log of $name (names: ${NAMES[*]})"
        files+=("$STATE/$name.log")
    done
    exec tail -n 50 -F "${files[@]}"
}

case ${1:-} in
up | down) "$1" ;;
logs)
    shift
    logs "$@"
    ;;
*) fail "usage: deploy/stack.sh up|down|logs [NAME]" ;;
esac
