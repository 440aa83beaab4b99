package import Platform

/// How one host's tree is found and read: the job's keys, with those of `[host.NAME]` over them.
package struct HostSettings: Sendable {
    /// Where the tree is.
    package enum Access: Sendable, Equatable {
        /// Mounted on this server (`file://`).
        case mounted
        /// On the host, behind its SFTP server.
        case ssh(SSHSettings)
    }

    package var name: String
    package var access: Access
    /// The top of the tree, absolute: the setting without its `file://`.
    package var path: NameTemplate
    /// Connections to the host, for SSH.
    package var streams: Int
    /// A file at the top that says the tree is complete; waited for, never collected.
    package var ready: String?
    /// How long a file must not have been modified before it counts as finished.
    package var settle: Period
    /// A file at the top with the digests that the host made, as sha256sum(1) writes them.
    package var checksums: String?
    /// Whether a unit that was never empty may be empty.
    package var allowEmpty: Bool

    /// The top of the tree in the run of `date`.
    package func sourcePath(_ date: CivilDate) -> String {
        // The path has only variables that the host and the date settle; loading has checked that.
        path.expand { $0.constant(host: name, date: date) ?? "" }
    }

    /// The source as messages and records name it: `HOST:/PATH` over SSH, `/PATH` where it is mounted.
    package func source(_ date: CivilDate) -> String {
        switch access {
        case .mounted: sourcePath(date)
        case .ssh: "\(name):\(sourcePath(date))"
        }
    }
}
