import Glibc
package import Platform
package import Settings

/// The staging directory through which the stages hand work on, opened only if its guard says that it is the right one.
package struct StagingArea: Sendable {
    package let root: Directory
    /// Local disk: locks, pins, files without names.
    ///
    /// It only caches; staging and the vaults hold what counts.
    package let state: Directory
    /// Where files without names are made.
    package let scratch: Directory

    /// - Throws: `unmounted` when the guard is missing or another one; `permission` for an account that would leave
    ///   files there which the next night's can't read.
    package static func open(_ configuration: Configuration) throws(Fault) -> StagingArea {
        let state: Directory
        do { state = try Directory.create(configuration.state) } catch {
            throw error.namingOwner(of: configuration.state)
        }
        let root = try Self.root(configuration, state: state)
        return StagingArea(root: root, state: state, scratch: try state.descendCreating(["scratch"]))
    }

    /// The directory alone, as ``open(_:)`` looks at it; nothing is made.
    package static func root(_ configuration: Configuration, state: Directory) throws(Fault) -> Directory {
        let root = try MountGuard(configuration.staging, state: state).open()
        let owner = try root.status().uid
        guard owner == geteuid() else {
            let name = ProcessIdentity.name(ofUser: owner)
            throw Fault(
                .permission, "\(root.path): belongs to user '\(name)', this is '\(ProcessIdentity.user)'",
                hint: "Run the command as that user: runuser -u \(name) -- ...")
        }
        return root
    }

    /// The directory of a job, made where it is missing.
    package func job(_ name: String) throws(Fault) -> JobDirectory {
        JobDirectory(name: name, directory: try root.descendCreating([ByteString(name)]), state: state)
    }

    /// Fails when less than `minimum` is free on staging.
    package func checkFree(_ minimum: ByteCount) throws(Fault) {
        let free = try root.fileSystem().free
        guard free >= minimum.bytes else {
            throw Fault(
                .noSpace, "\(root.path): \(ByteCount(bytes: free)) free, 'min_free' is \(minimum)",
                hint:
                    "'collect prune JOB' and 'pack prune JOB' remove what every vault holds, as 'keep_local' says; else make room by hand, or lower 'min_free'."
            )
        }
    }
}
