# shellcheck shell=bash
# Source this in bash, from any folder: amoctl and amo-monitor then speak to the stack of ./dev up (AMO_UP_DIR, when
# it has another folder). Without that stack it says so, returns 1 and changes nothing.

amo_demo_env() {
    local top state
    if [ -z "${BASH_VERSION:-}" ] || [ "${BASH_SOURCE[0]}" = "$0" ]; then
        echo "demo-env.sh: nothing is set: source this in bash, with: . deploy/demo-env.sh" >&2
        return 1
    fi
    top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd) || return 1
    state=${AMO_UP_DIR:-$top/var/up}
    if [ ! -x "$top/build/bin/amoctl" ]; then
        echo "demo-env.sh: $top/build/bin has no amoctl: run ./dev up in $top first" >&2
        return 1
    fi
    if ! state=$(cd "$state" >/dev/null 2>&1 && pwd) || [ ! -d "$state/run" ]; then
        echo "demo-env.sh: there is no stack in ${AMO_UP_DIR:-$top/var/up}: run ./dev up in $top first" >&2
        return 1
    fi
    export AMO_DATA_DIR=$state/data AMO_RUN_DIR=$state/run AMO_BUS_TAP="ipc://$state/*/tap"
    case :$PATH: in
    *":$top/build/bin:"*) ;;
    *) export PATH=$top/build/bin:$PATH ;;
    esac
}

amo_demo_env
