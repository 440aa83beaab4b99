import Glibc
import Platform
import TestSupport

/// A real systemd as process 1, in namespaces of its own and with this machine's files as its root, or those of another one.
///
/// What changes in there lies in memory and goes with it, and its network is a loopback of its own. It starts nothing but
/// the journal. The one place that both see is ``share``, which is `/share` in there.
final class SystemdBox: Sendable {
    let share: String
    private let top: TemporaryDirectory
    private let outer: ChildProcess
    private let leader: String

    /// Boots; ``isPossible()`` tells whether that can work here.
    ///
    /// - Parameter root: the root directory whose files it has; they are not changed.
    /// - Throws: `io` when no systemd comes up.
    init(root: String = "/") async throws {
        top = try TemporaryDirectory()
        share = top.path + "/share"
        let tree = try TreeBuilder(top.path)
        try tree.directory("share")
        try tree.file("inner", text: Self.inner)
        let log = top.path + "/console"
        outer = try ChildProcess(["bash", "-c", Self.outer, "bash", top.path, root], log: log)
        let found = try await run(["bash", "-c", Self.wait, "bash", "\(outer.pid)"], timeout: 30)
        leader = String(found.lines.first ?? "")
        guard found.status == 0 else {
            let said = String(decoding: try Directory.open(top.path).readFile("console"), as: UTF8.self)
            throw Fault(.io, "no systemd came up: \(found) \(said)")
        }
    }

    deinit {
        outer.stop()
        _ = try? runBlocking(["bash", "-c", Self.sweep, "bash", top.path])
    }

    /// Whether this machine lets us have one: by rights, by what is installed, and by its kernel.
    static func isPossible() async throws -> Bool {
        try await run(["bash", "-c", probe]).status == 0
    }

    /// Runs a script in there, as root.
    func callAsFunction(
        _ script: String, _ arguments: [String] = [], timeout: Double = 60
    ) async throws -> RunResult {
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return try await run(
            [
                "nsenter", "--target", leader, "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net",
                "env", "-i", path, "HOME=/root", "SYSTEMD_PAGER=", "bash", "-c", script, "bash",
            ] + arguments, timeout: timeout)
    }

    // MARK: Scripts

    private static let probe = """
        set -e
        [ -n "$(findmnt -n -t cgroup2 -o TARGET)" ]
        unshare --mount --pid --fork --cgroup --uts --ipc --net bash -c '
            set -e
            mount -t tmpfs probe /mnt
            mkdir /mnt/upper /mnt/work /mnt/root /mnt/cgroup
            mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work probe /mnt/root
            [ -x /mnt/root/usr/lib/systemd/systemd ]
            mount -t cgroup2 probe /mnt/cgroup'
        """

    /// Enters a cgroup of its own, which is the root of what is seen in there, and then the namespaces.
    ///
    /// The time limit is for a test that is killed, and can't end what it began.
    private static let outer = """
        set -eu
        cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)/coldchain-test-$$
        mkdir "$cgroup"
        echo "$cgroup" >"$1/cgroup"
        echo $$ >"$cgroup/cgroup.procs"
        exec timeout -s KILL 300 unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net \\
            --propagation private bash "$1/inner" "$1" "$2"
        """

    /// Tells the process that is process 1 in there, once it listens: the first is timeout, the second unshare.
    private static let wait = """
        child() { tr -d ' ' <"/proc/$1/task/$1/children"; }
        for try in $(seq 400); do
            inner=$(child "$(child "$1")")
            if [ -n "$inner" ] && [ -S "/proc/$inner/root/run/systemd/private" ]; then
                echo "$inner"
                exit 0
            fi
            sleep 0.05
        done 2>/dev/null
        exit 1
        """

    /// The cgroups go once all in them are dead.
    private static let sweep = """
        cgroup=$(cat "$1/cgroup") || exit 0
        for try in $(seq 100); do
            find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && exit 0
            sleep 0.05
        done
        """

    private static let inner = #"""
        set -eu
        box=$1
        lower=$2
        root=$box/memory/root
        mkdir "$box/memory"
        mount -t tmpfs -o mode=755 box "$box/memory"
        mkdir "$box/memory/upper" "$box/memory/work" "$root"
        mount -t overlay -o "lowerdir=$lower,upperdir=$box/memory/upper,workdir=$box/memory/work" box "$root"

        mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
        # The settings of the kernel are not ours.
        mount --bind "$root/proc/sys" "$root/proc/sys"
        mount -o remount,bind,ro "$root/proc/sys"
        mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
        mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
        mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
        for node in null zero full random urandom tty; do
            touch "$root/dev/$node"
            mount --bind "/dev/$node" "$root/dev/$node"
        done
        # PrivateDevices= wants all of these.
        mkdir "$root/dev/shm" "$root/dev/pts"
        mount -t tmpfs -o mode=1777,nosuid,nodev shm "$root/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
        ln -s pts/ptmx "$root/dev/ptmx"
        ln -s /proc/self/fd "$root/dev/fd"
        for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "$root/dev/${number#*:}"; done
        for place in run mnt srv; do mount -t tmpfs -o mode=755,nosuid,nodev "$place" "$root/$place"; done
        for place in tmp var/tmp; do mount -t tmpfs -o mode=1777,nosuid,nodev "$place" "$root/$place"; done
        mkdir -p "$root/share"
        mount --bind "$box/share" "$root/share"

        # In the layer in memory: what this machine starts, mounts, and knows of us.
        [ "$(stat -f -c %T "$root/etc")" = overlayfs ]
        rm -rf "$root"/etc/systemd/system "$root"/usr/lib/systemd/system/*.wants "$root"/etc/fstab "$root"/etc/crypttab
        if [ "$lower" = / ]; then
            rm -rf "$root"/etc/coldchain "$root"/var/lib/coldchain "$root"/usr/local/lib/systemd
        fi
        mkdir "$root/etc/systemd/system"
        tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
        echo box >"$root/etc/hostname"
        group=$(awk -F : '$1 == "systemd-journal" { print $3 }' "$root/etc/group")
        install -d -m 2755 -g "$group" "$root/run/log/journal"
        printf '[Unit]\nWants=systemd-journald.service\nAfter=systemd-journald.service\n' \
            >"$root/etc/systemd/system/box.target"

        mkdir "$root/mnt/old"
        cd "$root"
        pivot_root . mnt/old
        umount -l /mnt/old
        rmdir /mnt/old
        mount --make-rshared /
        exec env -i container=coldchain-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd \
            --system --unit=box.target --show-status=no
        """#
}
