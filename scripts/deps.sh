#!/bin/sh
# Installs the Debian packages named as arguments, where they are missing. "a|b" is satisfied by either and installs a.
# Never asks anything. Needs root, or sudo without a password, only when something is missing.
set -eu

installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: not a Debian system, nothing was checked; needed are the equivalents of: $*" >&2
    exit 0
fi

missing=
for wanted in "$@"; do
    found=
    for name in $(printf '%s' "$wanted" | tr '|' ' '); do
        if installed "$name"; then
            found=yes
            break
        fi
    done
    [ -n "$found" ] || missing="$missing ${wanted%%|*}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    echo "deps: these packages are missing, and this is neither root nor sudo without a password:" >&2
    echo "deps:  $missing" >&2
    echo "deps: as root, run: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "deps: installing$missing" >&2
# A lock that another apt-get holds is waited for, and a network that drops is tried again.
apt_get() {
    $as_root env DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true apt-get -q -y \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null >&2
}
apt_get update || echo "deps: apt-get update failed, going on with the lists that are here" >&2
# shellcheck disable=SC2086  # a list of package names
if ! apt_get install --no-install-recommends $missing; then
    echo "deps: apt-get could not install:$missing" >&2
    exit 1
fi
