#!/bin/sh
# Makes a Debian package of what `make build` made, from scripts/deb/. Environment: BIN (the directory of the built binaries),
# OUT (where the package goes), SOURCE_DATE_EPOCH (the time of its files). Needs dpkg-dev; lintian looks at it where it is
# installed, and its complaints are failures.
set -eu
cd "$(dirname "$0")/.."
BIN=${BIN:-.build/release}
OUT=${OUT:-.build/deb}
version=$("$BIN/collect" --version | sed -n 's/^coldchain \([0-9][0-9A-Za-z.~+]*\).*/\1/p')
[ -n "$version" ] || { echo "deb: $BIN/collect does not tell its version" >&2 && exit 1; }
architecture=$(dpkg --print-architecture)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 022
root=$scratch/coldchain
DESTDIR=$root PREFIX=/usr BIN=$BIN scripts/install.sh >/dev/null

# As Debian wants them: pages and the changelog compressed, vendor directories of the shells, the licence told once.
find "$root/usr/share/man" -type f -exec gzip -9n {} +
mkdir -p "$root/usr/share/zsh/vendor-completions"
mv "$root"/usr/share/zsh/site-functions/* "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
rm "$root/usr/share/doc/coldchain/LICENSE"
install -m 644 scripts/deb/copyright "$root/usr/share/doc/coldchain/copyright"
sed -e "s/@VERSION@/$version/g" -e "s/@DATE@/$(date -u -R -d "@$epoch")/g" scripts/deb/changelog >"$scratch/changelog"
gzip -9nc "$scratch/changelog" >"$root/usr/share/doc/coldchain/changelog.gz"
install -D -m 644 scripts/deb/overrides "$root/usr/share/lintian/overrides/coldchain"

# The settings that an administrator edits; conffiles, which no upgrade replaces unasked.
install -D -m 644 etc/coldchain.toml "$root/etc/coldchain/coldchain.toml"
install -D -m 644 etc/prices.toml "$root/etc/coldchain/prices.toml"
install -d -m 755 "$root/etc/coldchain/jobs.d"

mkdir -m 755 "$root/DEBIAN"
(cd "$root" && find etc -type f | LC_ALL=C sort | sed 's,^,/,') >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "scripts/deb/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

# dpkg-shlibdeps looks for a source package around it.
mkdir "$scratch/debian"
printf 'Source: coldchain\n\nPackage: coldchain\nArchitecture: any\n' >"$scratch/debian/control"
libraries=$(cd "$scratch" && dpkg-shlibdeps -O --ignore-missing-info \
    "$root/usr/bin/collect" "$root/usr/bin/pack" "$root/usr/bin/ship" | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || { echo "deb: dpkg-shlibdeps names no library" >&2 && exit 1; }
size=$(du -k -s --apparent-size "$root/usr" "$root/etc" | awk '{ sum += $1 } END { print sum }')
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
    -e "s/@SIZE@/$size/" scripts/deb/control >"$root/DEBIAN/control"

find "$root" -exec touch -h -d "@$epoch" {} +
mkdir -p "$OUT"
package=$OUT/coldchain_${version}_$architecture.deb
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$package.new" >/dev/null
mv "$package.new" "$package"
if command -v lintian >/dev/null 2>&1; then
    # Also as root, who builds in containers.
    lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package" >&2
else
    echo "deb: lintian is not installed and has not looked at the package" >&2
fi
echo "$package"
