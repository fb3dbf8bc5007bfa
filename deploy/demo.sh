#!/usr/bin/env bash
# The demo: registers a channel and a connector of the sandbox with a running bridge, connects an account and
# sends one message each way. Used by ./dev up and by the container test; everything is told by environment:
#
#   DEMO_SANDBOX         the sandbox as this script reaches it           http://127.0.0.1:9800
#   DEMO_SANDBOX_INSIDE  the sandbox as the bridge reaches it            (the same)
#   DEMO_BRIDGE_INSIDE   the bridge's public listener for the sandbox    http://127.0.0.1:8080
#   DEMO_IN              words in front of a command that must run where amoctl is ("" or "podman exec -i core")
#   DEMO_DIR             a folder there, for the files amoctl reads      (a new one under /tmp)
#   DEMO_AMOCTL          amoctl's name there                             amoctl
#
# Prints what happens and both journeys; exit 0 when both messages arrived. Safe to run once per stack.
set -euo pipefail

SANDBOX=${DEMO_SANDBOX:-http://127.0.0.1:9800}
SANDBOX_INSIDE=${DEMO_SANDBOX_INSIDE:-$SANDBOX}
BRIDGE_INSIDE=${DEMO_BRIDGE_INSIDE:-http://127.0.0.1:8080}
DIR=${DEMO_DIR:-/tmp/amo-demo}
AMOCTL=${DEMO_AMOCTL:-amoctl}
read -r -a IN <<<"${DEMO_IN:-}"
ACCOUNT=0d3f5c1e-7a52-4b6e-9c14-5f0e8d2b7a61
CLIENT=79005550101

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# sandbox PATH [JSON]: one call to the sandbox's control interface, its answer on stdout.
sandbox() {
    local path=$1
    shift
    curl -sS --fail-with-body --max-time 40 ${1:+--data "$1"} "$SANDBOX/_sandbox/$path" </dev/null ||
        fail "the sandbox refused /_sandbox/$path"
}

# field KEY...: the value at that path of the JSON document on stdin.
field() {
    /usr/bin/python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$@" || fail "an answer of the sandbox has no $*"
}

where_amoctl_is() { "${IN[@]}" "$@"; }

# put NAME: keeps stdin as a private file where amoctl can read it.
put() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    where_amoctl_is sh -c 'umask 077; mkdir -p "$1" && cat >"$1/$2"' sh "$DIR" "$1"
}

amoctl() { where_amoctl_is "$AMOCTL" "$@" </dev/null; }

# await WHAT QUERY WORDS: waits until the sandbox has seen something; its item on stdout.
await() {
    local answer
    answer=$(sandbox "wait?what=$1&timeout_ms=20000&$2")
    [ "$(printf '%s' "$answer" | field "done")" = True ] || fail "$3 did not arrive within 20 s"
    printf '%s' "$answer"
}

# journey ID: amoctl's account of a message, once its last step is settled (or after 5 s as it is).
journey() {
    local deadline=$((SECONDS + 5))
    until amoctl trace "$1" --json 2>/dev/null | grep -q '"done"' || [ $SECONDS -ge $deadline ]; do
        sleep 0.1
    done
    amoctl trace "$1" || fail "amoctl trace knows nothing of $1"
}

register() {
    local channel
    channel=$(sandbox channels "{\"name\":\"Demo\",\"webhook_url\":\"$BRIDGE_INSIDE/messages/:scope_id\"}")
    CHANNEL=$(printf '%s' "$channel" | field id)
    sandbox "channels/$CHANNEL/registration" | put reply.json
    amoctl channel add --reply "$DIR/reply.json" --amojo-url "$SANDBOX_INSIDE" >/dev/null ||
        fail "amoctl channel add failed"
    echo "channel    $CHANNEL"

    local connector
    connector=$(sandbox connectors "{\"name\":\"demo\",\"bridge_url\":\"$BRIDGE_INSIDE\",\"report\":\"read\"}")
    printf '%s' "$connector" | field token | put token
    printf '%s' "$connector" | field secret | put secret
    amoctl connector add --name demo --kind http --url "$SANDBOX_INSIDE/mobilon/demo" --allow-private \
        --token-file "$DIR/token" --secret-file "$DIR/secret" >/dev/null || fail "amoctl connector add failed"
    echo "connector  demo"

    SCOPE=$(amoctl account connect --channel "$CHANNEL" --account "$ACCOUNT" --connector demo --title Demo) ||
        fail "amoctl account connect failed"
    echo "scope      $SCOPE"
}

inbound() {
    local written arrived
    written=$(sandbox client/writes "{\"connector\":\"demo\",\"source\":\"wa1\",\"conversation\":\"$CLIENT\",
        \"text\":\"Hello, is my order ready?\"}")
    INBOUND=$(printf '%s' "$written" | field items 0 id)
    arrived=$(await amojo.message text=order "the client's message")
    CHAT=$(printf '%s' "$arrived" | field item chat)
}

outbound() {
    local written
    written=$(sandbox manager/writes "{\"scope_id\":\"$SCOPE\",\"chat\":\"$CHAT\",
        \"text\":\"It is, come and collect it.\"}")
    OUTBOUND=$(printf '%s' "$written" | field items 0 id)
    await service.message text=collect "the manager's message" >/dev/null
}

main() {
    register
    inbound
    outbound
    where_amoctl_is rm -rf "$DIR"
    echo
    echo "client -> amoCRM (message $INBOUND)"
    journey "$INBOUND"
    echo
    echo "manager -> client (message $OUTBOUND)"
    journey "$OUTBOUND"
}

main
