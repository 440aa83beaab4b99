import TestSupport

/// A root directory with a Debian that has nothing but its base and systemd, from the mirror that apt has here.
enum BareDebian {
    private static let mirror =
        "apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1 | sed 's,/$,,'"

    /// Whether the tools are installed and the mirror answers.
    static func isPossible() async throws -> Bool {
        try await run(
            [
                "bash", "-c",
                """
                set -e
                command -v debootstrap lintian dpkg-shlibdeps
                curl -fsS -m 20 -o /dev/null "$(\(mirror))/dists/$(. /etc/os-release; echo $VERSION_CODENAME)/Release"
                """,
            ]).status == 0
    }

    /// Makes `root` below a directory, installs a package there as a command says, and all that it needs.
    ///
    /// What debootstrap makes is kept for the next time.
    static let script = """
        set -euo pipefail
        place=$1 package=$2
        suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
        cache=/var/tmp/coldchain-tests/bare-$suite.tar
        if [ ! -e "$cache" ]; then
            mkdir -p "${cache%/*}"
            debootstrap --variant=minbase --include=systemd,ca-certificates "$suite" "$place/new" "$(\(mirror))" >&2
            tar -C "$place/new" -cf "$cache.$$" .
            mv "$cache.$$" "$cache"
            rm -rf "$place/new"
        fi
        mkdir "$place/root"
        tar -C "$place/root" -xpf "$cache"
        cp -L /etc/resolv.conf "$place/root/etc/resolv.conf"
        rm -f "$place/root"/etc/apt/sources.list
        cp -rL /etc/apt/sources.list* /etc/apt/apt.conf.d /usr/share/keyrings -t "$place/root/tmp"
        cp -r "$place"/root/tmp/sources.list* "$place/root/etc/apt/"
        cp -r "$place/root/tmp/keyrings/." "$place/root/usr/share/keyrings/"
        cp "$place"/root/tmp/apt.conf.d/99* "$place/root/etc/apt/apt.conf.d/" 2>/dev/null || true
        printf 'APT::Get::Assume-Yes "true";\\nAPT::Install-Recommends "false";\\n' >"$place/root/etc/apt/apt.conf.d/test"
        cp "$package" "$place/root/root/"
        # It goes with this namespace.
        mount -t proc proc "$place/root/proc"
        chroot "$place/root" apt-get -q update >&2
        chroot "$place/root" env -C /root DEBIAN_FRONTEND=noninteractive HOME=/root bash -c "$3" >&2
        """
}
