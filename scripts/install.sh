#!/bin/sh
# Installs what `make build` made. Environment: DESTDIR, PREFIX (/usr/local), BIN (the directory of the built binaries).
# Nothing is written outside DESTDIR/PREFIX: settings under /etc belong to the administrator.
set -eu
cd "$(dirname "$0")/.."
PREFIX=${PREFIX:-/usr/local}
BIN=${BIN:-.build/release}
root=${DESTDIR:-}$PREFIX
doc=$root/share/doc/coldchain
# Files cross over through here, so that one that is cut short is never installed.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

put() { # MODE SOURCE TARGET
    install -D -m "$1" "$2" "$3"
    echo "$3"
}

for tool in collect pack ship; do
    put 755 "$BIN/$tool" "$root/bin/$tool"

    "$BIN/$tool" --generate-completion-script bash >"$scratch/bash"
    "$BIN/$tool" --generate-completion-script zsh >"$scratch/zsh"
    "$BIN/$tool" --generate-completion-script fish >"$scratch/fish"
    # It is sourced, and never run.
    sed -i "1{/^#!/d}" "$scratch/bash"
    put 644 "$scratch/bash" "$root/share/bash-completion/completions/$tool"
    put 644 "$scratch/zsh" "$root/share/zsh/site-functions/_$tool"
    put 644 "$scratch/fish" "$root/share/fish/vendor_completions.d/$tool.fish"
done

for page in man/*.[157]; do
    [ -e "$page" ] || continue
    put 644 "$page" "$root/share/man/man${page##*.}/${page##*/}"
done

# Units are written for /usr/bin, where a package puts the tools.
escaped=$(printf '%s' "$PREFIX" | sed 's/[\\&,]/\\&/g')
find systemd -name '*.service' -o -name '*.timer' | LC_ALL=C sort | while IFS= read -r unit; do
    sed -E -e "s,/usr/bin/(collect|pack|ship)\>,$escaped/bin/\1,g" "$unit" >"$scratch/unit"
    put 644 "$scratch/unit" "$root/lib/systemd/system/${unit#systemd/}"
done
put 644 systemd/coldchain.sysusers "$root/lib/sysusers.d/coldchain.conf"
put 644 systemd/coldchain.tmpfiles "$root/lib/tmpfiles.d/coldchain.conf"

find etc -type f 2>/dev/null | LC_ALL=C sort | while IFS= read -r example; do
    mode=644
    [ ! -x "$example" ] || mode=755
    put $mode "$example" "$doc/examples/${example#etc/}"
done
put 644 LICENSE "$doc/LICENSE"

case $PREFIX in
    /usr | /usr/local) ;;
    *)
        echo "install: systemd does not look below $PREFIX; to tell it of the units there, run:" >&2
        echo "install: systemctl link $PREFIX/lib/systemd/system/coldchain-*" >&2
        ;;
esac
