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

# As root each program gets a user of its own, and each socket a group, as the units in deploy/systemd give them: by
# numbers that Debian gives to nobody, so that nothing is left behind in /etc/passwd.
CORE=59101 INGRESS_USER=59102 EGRESS_USER=59103 SANDBOX_USER=59104
EVENTS=59111 COMMANDS=59112 CONTROL=59113

fail() {
    printf 'dev up: %s\n' "$*" >&2
    exit 1
}

# alive NAME: its process is there, and is ours (a pid may have been given to another program since).
alive() {
    local pid
    pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 1
    # Not by /proc/PID/exe: a program of ours lets nobody but root look into it.
    case $(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -n 1) in
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

# as_user UID GROUPS: in AS, what to put before a command so that it runs as that user, when each program has one.
as_user() {
    AS=()
    if [ "$APART" = yes ]; then
        AS=(setpriv --reuid "$1" --regid "$1" --groups "$1${2:+,$2}" --inh-caps=-all --bounding-set=-all)
    fi
}

# Can other users run what was built and reach the folder? A tree below /root cannot be shared out.
decide_users() {
    APART=no
    [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || return 0
    APART=yes
    as_user $CORE ""
    if ! "${AS[@]}" test -x "$BIN/amo-core" -a -x "$STATE" 2>/dev/null; then
        APART=no
        echo "dev up: other users cannot reach $BIN or $STATE: every program runs as root"
    fi
}

# folder MODE USER GROUP PATH...
folder() {
    local mode=$1 user=$2 group=$3
    shift 3
    if [ "$APART" = yes ]; then
        install -d -m "$mode" -o "$user" -g "$group" "$@"
    else
        install -d -m 0700 "$@"
    fi
}

# A socket's folder gives the socket its group, and only who binds it may write there.
make_folders() {
    folder 0711 0 0 "$STATE/data"
    folder 0700 $CORE $CORE "$STATE/key" "$STATE/data/core"
    folder 0700 $INGRESS_USER $INGRESS_USER "$STATE/data/ingress"
    folder 0700 $EGRESS_USER $EGRESS_USER "$STATE/data/egress"
    folder 2750 $CORE $CONTROL "$STATE/run"
    folder 2750 $CORE $EVENTS "$STATE/events"
    folder 2750 $CORE $COMMANDS "$STATE/commands"
    folder 2750 $INGRESS_USER $CONTROL "$STATE/ingress"
    folder 2750 $EGRESS_USER $CONTROL "$STATE/egress"
}

# start NAME USER GROUPS PROGRAM...
start() {
    local name=$1 user=$2 groups=$3 program=$4
    shift 4
    [ -x "$BIN/$program" ] || fail "$BIN/$program was not built"
    # A session of its own: the stack outlives the terminal that started it.
    as_user "$user" "$groups"
    AMO_NAME=$name "${AS[@]}" setsid "$BIN/$program" "$@" \
        >"$STATE/$name.out" 2>"$STATE/$name.log" </dev/null &
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
        elif [ -n "$(tr -d '\0' 2>/dev/null <"/proc/$pid/cmdline")" ]; then # a zombie has none
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
    chmod 711 "$STATE"
    decide_users
    make_folders
    trap undo EXIT
    trap 'exit 1' INT TERM

    # Nothing of the caller's own settings but the addresses above and the log level may leak in.
    local level=${AMO_LOG_LEVEL:-info}
    unset "${!AMO_@}"
    export AMO_LOG_LEVEL=$level LD_BIND_NOW=1
    export AMO_DATA_DIR=$STATE/data AMO_RUN_DIR=$STATE/run AMO_INGRESS_LISTEN=$INGRESS
    export AMO_MASTER_KEY_FILE=$STATE/key/master.key
    export AMO_BUS_EVENTS=ipc://$STATE/events/core AMO_BUS_COMMANDS=ipc://$STATE/commands/core
    if [ "$APART" = yes ]; then
        export AMO_BUS_INGRESS_USERS=$INGRESS_USER AMO_BUS_EGRESS_USERS=$EGRESS_USER AMO_BUS_CORE_USERS=$CORE
        export AMO_BUS_OPERATORS=%$CONTROL
    fi
    export AMO_INGRESS_ADMIN_LISTEN=$INGRESS_ADMIN AMO_CORE_ADMIN_LISTEN=$CORE_ADMIN
    echo "starting sandbox, core, ingress and two egresses"
    start sandbox $SANDBOX_USER "" amo-sandbox --listen "$SANDBOX"
    start core $CORE $EVENTS,$COMMANDS,$CONTROL amo-core
    AMO_RUN_DIR=$STATE/ingress start ingress $INGRESS_USER $EVENTS amo-ingress
    export AMO_RUN_DIR=$STATE/egress
    AMO_EGRESS_ADMIN_LISTEN=$EGRESS_ADMIN_1 start egress-1 $EGRESS_USER $COMMANDS amo-egress
    AMO_EGRESS_ADMIN_LISTEN=$EGRESS_ADMIN_2 start egress-2 $EGRESS_USER $COMMANDS amo-egress
    export AMO_RUN_DIR=$STATE/run
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
