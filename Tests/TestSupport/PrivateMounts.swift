import Glibc
package import Platform

/// Mounts that only one thread sees (mount_namespaces(7)); it must be one of a test's own, which ends with the test.
package enum PrivateMounts {
    /// Gives the calling thread mounts of its own.
    package static func enter() throws(Fault) {
        // Glibc's module hides it. CLONE_NEWNS, which lets go of the directory that threads share too.
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = dlsym(nil, "unshare") else { throw Fault(.unsupported, "unshare: not there") }
        guard unsafeBitCast(symbol, to: Unshare.self)(0x0002_0000) == 0 else {
            throw Fault.lastSystem("unshare", "mount namespace")
        }
        try mounted("none", "/", UInt(MS_REC) | UInt(MS_PRIVATE))
    }

    /// Lets a directory stand where another one is.
    package static func bind(_ directory: String, _ place: String) throws(Fault) {
        try mounted(directory, place, UInt(MS_BIND))
    }

    private static func mounted(_ source: String, _ target: String, _ flags: UInt) throws(Fault) {
        guard mount(source, target, nil, flags, nil) == 0 else { throw Fault.lastSystem("mount", target) }
    }
}
