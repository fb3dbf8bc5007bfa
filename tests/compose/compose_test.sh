#!/usr/bin/env bash
# docker-compose.yml run for real: images built, the bridge up with the sandbox and Caddy in front, the demo sent
# through it over TLS, what the containers may not do tried, one worker and core stopped on the way, all taken down.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
SELF=$PWD/tests/compose/compose_test.sh
# shellcheck source=tests/compose/podman.sh
. tests/compose/podman.sh

LOG=$PWD/var/test/compose
PROJECT=amo-compose-test
SERVICES=(core ingress egress-1 egress-2 sandbox proxy)
STARTED=$SECONDS
PASSED=0

fail() {
    printf 'compose-test: FAILED: %s\n' "$*" >&2
    exit 1
}

passed() {
    PASSED=$((PASSED + 1))
    printf 'ok  %s (%d s)\n' "$*" $((SECONDS - STARTED))
}

# The machine's own ports may be taken: ask the kernel for free ones.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

compose() { podman-compose -p "$PROJECT" "$@" </dev/null; }

# The container of a service (podman-compose numbers them).
container() { echo "${PROJECT}_$1_1"; }

in_container() {
    local service=$1
    shift
    podman exec "$(container "$service")" "$@" </dev/null
}

# until_true SECONDS WORDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1)) words=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "$words"
        sleep 0.2
    done
}

clean_up() {
    local rc=$? service
    if [ $rc != 0 ]; then
        for service in "${SERVICES[@]}"; do
            echo "--- last words of $service"
            podman logs --tail 15 "$(container "$service")" 2>&1 || true
        done
    fi
    take_down >"$LOG/down.log" 2>&1 || true
    exit $rc
}

take_down() {
    compose down -v --timeout 5 || true
    podman rm -fa --time 2 || true
    podman volume prune -f || true
    podman network prune -f || true
    # Layers of sources that have changed since; those of the last days are what makes the next build quick.
    podman image prune -f --filter until=48h || true
}

build_images() {
    base_image || fail "the base image could not be made"
    local why
    if ! why=$(podman run --rm --network none "$BASE_IMAGE" true 2>&1); then
        echo "compose-test: skipped: podman cannot start a container here: ${why##*Error: }"
        exit 0
    fi
    compose build >"$LOG/build.log" 2>&1 || {
        tail -n 40 "$LOG/build.log" >&2
        fail "the images could not be built"
    }
    passed "the images build"
}

start_stack() {
    export AMO_PORT AMO_SANDBOX_PORT AMO_HTTPS_PORT AMO_HTTP_PORT
    AMO_PORT=$(free_port) AMO_SANDBOX_PORT=$(free_port) AMO_HTTPS_PORT=$(free_port) AMO_HTTP_PORT=$(free_port)
    export AMO_BIND=127.0.0.1 AMO_DOMAIN="localhost, proxy, http://bridge" AMO_TLS="tls internal"
    make_door
    compose up -d "${SERVICES[@]}" >"$LOG/up.log" 2>&1 || {
        tail -n 40 "$LOG/up.log" >&2
        fail "podman-compose up failed"
    }
    until_true 30 "ingress is not ready" curl -fsS "http://127.0.0.1:$AMO_PORT/readyz"
    until_true 30 "core is not ready" in_container core curl -fsS http://127.0.0.1:9102/readyz
    until_true 30 "egress-1 is not ready" in_container egress-1 curl -fsS http://127.0.0.1:9103/readyz
    until_true 30 "egress-2 is not ready" in_container egress-2 curl -fsS http://127.0.0.1:9103/readyz
    passed "every program is ready, configured by the environment alone"
}

check_health() {
    local service
    for service in "${SERVICES[@]}"; do
        until_true 20 "the health check of $service fails" podman healthcheck run "$(container "$service")"
    done
    passed "every health check passes"
}

# through_caddy PATH [CURL OPTION...]: the status of a call over TLS, verified against Caddy's own authority.
through_caddy() {
    local path=$1
    shift
    curl -sS -o /dev/null -w '%{http_code}' --cacert "$LOG/root.crt" "$@" "https://localhost:$AMO_HTTPS_PORT$path"
}

check_proxy() {
    local root=/var/lib/caddy/data/caddy/pki/authorities/local/root.crt
    until_true 20 "caddy has made no authority" in_container proxy test -s $root
    in_container proxy cat $root >"$LOG/root.crt"
    until_true 20 "caddy does not answer" through_caddy /readyz
    [ "$(through_caddy /readyz)" = 200 ] || fail "ingress is not reached through caddy"
    [ "$(through_caddy /messages/nobody -d '{}')" != 502 ] || fail "a webhook does not reach ingress through caddy"
    [ "$(through_caddy /metrics)" = 404 ] || fail "caddy lets /metrics through"
    [ "$(through_caddy /_sandbox/counters)" = 404 ] || fail "caddy lets the sandbox through"
    passed "caddy lets through what is public, over TLS, and nothing else"
}

sandbox() { curl -sS --fail-with-body --max-time 30 "http://127.0.0.1:$AMO_SANDBOX_PORT/_sandbox/$1" "${@:2}"; }

check_demo() {
    sandbox settings -X PATCH -d '{"tls_verify":false}' >/dev/null
    DEMO_SANDBOX=http://127.0.0.1:$AMO_SANDBOX_PORT DEMO_SANDBOX_INSIDE=http://sandbox:9800 \
        DEMO_BRIDGE_INSIDE=https://proxy:8443 DEMO_IN="podman exec -i $(container core)" \
        deploy/demo.sh >"$LOG/demo.log" 2>&1 || {
        cat "$LOG/demo.log" >&2
        fail "the demo did not go through"
    }
    passed "a message goes each way, webhooks over TLS through caddy"
}

client_writes() {
    sandbox client/writes -d "{\"connector\":\"demo\",\"source\":\"wa1\",\"conversation\":\"79005550101\",\"text\":\"$1\"}" \
        >/dev/null
    sandbox "wait?what=amojo.message&text=$1&timeout_ms=30000" | grep -q '"done" *: *true'
}

check_restarts() {
    podman stop -t 25 "$(container egress-1)" >/dev/null
    client_writes one-worker-left || fail "with egress-1 stopped, egress-2 did not deliver"
    podman restart -t 25 "$(container core)" >/dev/null
    client_writes core-came-back || fail "after core's restart nothing was delivered"
    passed "a stopped worker and a restarted core lose nothing"
}

refuses() {
    local service=$1 words=$2
    shift 2
    ! in_container "$service" "$@" >/dev/null 2>&1 || fail "$service can $words"
}

# user_of SERVICE: the number that its image runs it as.
user_of() {
    case $1 in
    core) echo 990 ;;
    ingress) echo 991 ;;
    egress-*) echo 992 ;;
    sandbox) echo 996 ;;
    esac
}

# What the compose file says of the network between proxy and ingress, which podman-compose 1.0 passes over.
make_door() {
    local words
    words=$(/usr/bin/python3 - <<'END'
import sys
sys.path.insert(0, "tests/dev")
import test_compose_file
for name, value in test_compose_file.compose()["networks"]["door"]["ipam"]["config"][0].items():
    print("--" + name.replace("_", "-"), value)
END
    )
    # shellcheck disable=SC2086 # words
    podman network create --internal $words "${PROJECT}_door" >/dev/null
}

# Whoever asks through Caddy is counted by the address that Caddy saw, and nobody can say that he is another.
check_strangers() {
    local said at
    # a neighbour without Caddy: 200 that cannot be verified, each for somebody else, are one address's all the same
    said=$(in_container sandbox curl -s -o /dev/null -w '%{http_code}\n' -d '{}' -H 'X-Signature: 0' \
        -H 'X-Forwarded-For: 203.0.113.9' 'http://ingress:8080/messages/x?[1-200]' \
        --next -s -o /dev/null -w 'then %{http_code}\n' -d '{}' -H 'X-Signature: 0' \
        -H 'X-Forwarded-For: 203.0.113.10' 'http://ingress:8080/messages/x')
    grep -q '^429' <<<"$said" || fail "a flood from the sandbox is not limited: $said"
    grep -q '^then 429' <<<"$said" || fail "ingress believes the sandbox that it asks for others"
    at=$(podman inspect -f "{{(index .NetworkSettings.Networks \"${PROJECT}_public\").IPAddress}}" "$(container proxy)")
    /usr/bin/python3 tests/compose/siege.py "http://127.0.0.1:$AMO_SANDBOX_PORT" "$at" \
        "$(podman network inspect -f '{{.NetworkInterface}}' "${PROJECT}_public")" \
        "$(container ingress)" "$(container proxy)" >"$LOG/siege.log" 2>&1 || {
        cat "$LOG/siege.log" >&2
        fail "strangers cost amojo a webhook"
    }
    passed "strangers through caddy cost amojo no webhook: $(tail -n 1 "$LOG/siege.log")"
}

# A new named volume takes over owner, group and mode of the image's folder, setgid included, and core's sockets their
# group from that: also those that core makes anew after a restart, and those it takes back from somebody else.
check_sockets() {
    local name group
    for name in events:core commands:core core:control; do
        group=amo-${name%:*}
        [ "$group" != amo-core ] || group=amo-control
        [ "$(in_container core stat -c %a:%U:%G "/run/amo/${name%:*}")" = "2750:amo-core:$group" ] ||
            fail "the folder ${name%:*} of a socket is not core's, or not its group's"
        [ "$(in_container core stat -c %a:%U:%G "/run/amo/${name/://}")" = "660:amo-core:$group" ] ||
            fail "the socket $name has not the rights of its folder"
    done
    for name in ingress egress-2; do
        [ "$(in_container "$name" stat -c %a:%G "/run/amo/${name%-2}/tap-$name")" = 660:amo-control ] ||
            fail "the tap of $name is not for operators"
    done
}

check_taken_back() {
    in_container core rm /run/amo/events/core /run/amo/commands/core
    until_true 5 "core makes no new socket" in_container core test -S /run/amo/events/core
    until_true 5 "core makes no new socket" in_container core test -S /run/amo/commands/core
    check_sockets
    client_writes sockets-were-removed || fail "with new sockets nothing was delivered"
    passed "sockets in volumes have the groups of their folders, also those made anew"
}

check_confinement() {
    local service limit
    for service in core ingress egress-2 sandbox; do
        [ "$(in_container "$service" id -u)" = "$(user_of "$service")" ] || fail "$service does not run as its own user"
        refuses "$service" "write to its root" touch /usr/local/bin/x
        in_container "$service" grep -q '^CapEff:[[:space:]]*0*$' /proc/1/status || fail "$service has capabilities"
        in_container "$service" grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/1/status || fail "$service may gain rights"
        limit=$(podman inspect --format '{{.HostConfig.Memory}}' "$(container "$service")")
        [ "$limit" -gt 0 ] || fail "$service may take all memory"
        limit=$(podman inspect --format '{{.HostConfig.PidsLimit}}' "$(container "$service")")
        [ "$limit" -gt 0 ] || fail "$service may start processes without end"
    done
    for service in core ingress egress-2; do
        podman logs "$(container "$service")" >"$LOG/said.log" 2>&1
        grep -q 'what=confined calls=yes' "$LOG/said.log" || fail "$service is not confined"
        refuses "$service" "look into its program" cat /proc/1/environ
    done
    refuses core "reach other containers" curl -sS --max-time 3 http://sandbox:9800/_sandbox/counters
    for service in ingress egress-2; do
        refuses "$service" "see core's data" test -e /var/lib/amo/core
        refuses "$service" "see the master key" test -e /etc/amo/key/master.key
        refuses "$service" "see the socket of amoctl" test -e /run/amo/core/control
    done
    refuses ingress "see the socket of egress" test -e /run/amo/commands/core
    refuses ingress "write beside core's socket" touch /run/amo/events/x
    refuses egress-2 "see the socket of ingress" test -e /run/amo/events/core
    refuses egress-2 "write beside core's socket" touch /run/amo/commands/x
    in_container core test -s /etc/amo/key/master.key || fail "core keeps its master key elsewhere"
    [ "$(in_container core stat -c %a /etc/amo/key/master.key)" = 600 ] || fail "the master key is readable"
    refuses core "keep a key beside its data" test -e /var/lib/amo/master.key
    podman exec -e 'AMO_BUS_TAP=ipc:///run/amo/*/tap' "$(container core)" amo-monitor sockets </dev/null >"$LOG/taps.log"
    for service in core ingress egress-2; do # egress-1 was stopped
        grep -q "tap-$service\b" "$LOG/taps.log" || fail "amo-monitor does not see the tap of $service"
    done
    passed "each container has what its job needs and no more"
}

check_nothing_left() {
    take_down >"$LOG/down.log" 2>&1
    [ -z "$(podman ps -aq)" ] || fail "containers are left"
    [ -z "$(podman volume ls -q)" ] || fail "volumes are left"
    [ -z "$(podman network ls -q --filter name=$PROJECT)" ] || fail "networks are left"
    passed "nothing is left"
}

main() {
    mkdir -p "$LOG"
    podman_settings
    trap clean_up EXIT
    trap 'exit 1' INT TERM
    take_down >"$LOG/before.log" 2>&1
    build_images
    start_stack
    check_health
    check_proxy
    check_demo
    check_strangers
    check_restarts
    check_taken_back
    check_confinement
    check_nothing_left
    printf 'compose-test: %d passed, 0 failed, %d s\n' "$PASSED" $((SECONDS - STARTED))
}

# One run at a time; the lock is not handed on to the containers.
if [ -z "${AMO_COMPOSE_LOCKED:-}" ]; then
    mkdir -p "$PODMAN_CACHE"
    AMO_COMPOSE_LOCKED=yes exec flock -n -o -E 9 "$PODMAN_CACHE/lock" bash "$SELF"
fi
main
