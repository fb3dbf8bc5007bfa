# shellcheck shell=bash
# A podman of our own, without a Docker engine and without touching the machine's: settings, images and layers are
# in a cache folder of the user, what runs is under /tmp. Sourced by ./dev and by compose_test.sh.

PODMAN_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/amo-message-server/containers
PODMAN_RUN=/tmp/amo-compose-$(id -u)
BASE_IMAGE=docker.io/library/debian:bookworm-slim

# Says why containers cannot run on this machine and returns 0; returns 1 in silence when nothing speaks against it.
podman_cannot_run_because() {
    local free
    if [ "$(id -u)" != 0 ]; then
        echo "the container test needs root"
    elif ! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo 2>/dev/null; then
        echo "this is a chroot; containers cannot be started in one"
    elif ! unshare --mount --net --pid --ipc --uts --fork true 2>/dev/null; then
        echo "this machine allows no namespaces"
    elif [ -z "$(ls /sys/fs/cgroup 2>/dev/null)" ] || [ ! -w /sys/fs/cgroup ]; then
        echo "there are no control groups to write to"
    else
        mkdir -p "$PODMAN_CACHE"
        free=$(df -Pm "$PODMAN_CACHE" | awk 'NR == 2 { print $4 }')
        [ "$free" -lt 4096 ] || return 1
        echo "less than 4 GiB are free in $PODMAN_CACHE"
    fi
}

# A number no higher than the machine's own hard limit.
at_most() {
    local limit
    limit=$(ulimit -H "$1")
    if [ "$limit" = unlimited ] || [ "$limit" -gt "$2" ]; then
        echo "$2"
    else
        echo "$limit"
    fi
}

podman_settings() {
    local files processes boot
    files=$(at_most -n 4096)
    processes=$(at_most -u 4096)
    boot=$(cat /proc/sys/kernel/random/boot_id)
    # What a former boot left says that things are mounted which are not.
    [ "$(cat "$PODMAN_RUN/boot" 2>/dev/null)" = "$boot" ] || rm -rf "$PODMAN_RUN"
    mkdir -p "$PODMAN_CACHE" "$PODMAN_RUN"
    echo "$boot" >"$PODMAN_RUN/boot"
    cat >"$PODMAN_RUN/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$PODMAN_CACHE/storage"
runroot = "$PODMAN_RUN/run"
END
    # runc and plain cgroups need no systemd; limits above the machine's own may not be asked for.
    cat >"$PODMAN_RUN/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$PODMAN_RUN/libpod"
[network]
network_backend = "netavark"
network_config_dir = "$PODMAN_RUN/networks"
END
    export CONTAINERS_CONF=$PODMAN_RUN/containers.conf CONTAINERS_STORAGE_CONF=$PODMAN_RUN/storage.conf
    # The image format that can hold a health check.
    export BUILDAH_FORMAT=docker
}

# The archives this machine itself installs from: lines "address suite component".
own_archives() {
    apt-get indextargets --format "\$(SITE) \$(RELEASE) \$(COMPONENT)" 'Created-By: Packages' |
        awk '$2 ~ /^bookworm/ && $3 == "main"' | sort -u
}

# Makes the base image with debootstrap, from where this machine itself installs; kept between runs.
base_image() {
    local tree archives address options=(--variant=minbase)
    podman image exists "$BASE_IMAGE" && return 0
    echo "making the base image"
    archives=$(own_archives)
    address=$(printf '%s\n' "$archives" | awk '$2 == "bookworm" { print $1; exit }')
    [ -n "$address" ] || {
        echo "apt names no archive of Debian 12 to make a base image from" >&2
        return 1
    }
    tree=$(mktemp -d)
    [ "${address#https}" = "$address" ] || options+=(--include=ca-certificates)
    if ! debootstrap "${options[@]}" bookworm "$tree" "$address" >"$tree.log" 2>&1; then
        tail -n 15 "$tree.log" >&2
        rm -rf "$tree" "$tree.log"
        return 1
    fi
    printf '%s\n' "$archives" | awk '{ print "deb", $1, $2, $3 }' >"$tree/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$tree/etc/apt/apt.conf.d/00host" || true
    rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/archives/*.deb
    tar -C "$tree" -c . | podman import -q - "$BASE_IMAGE" >/dev/null
    rm -rf "$tree" "$tree.log"
}
