import Glibc

extension Fault {
    /// The same fault; where access was refused, with advice that says whose the thing at `path` is (stat(2)).
    ///
    /// A command that was run once as root leaves such things.
    package func namingOwner(of path: String) -> Fault {
        var status = stat()
        guard code == .permission, stat(path, &status) == 0, status.st_uid != geteuid() else { return self }
        let (owner, user) = (ProcessIdentity.name(ofUser: status.st_uid), ProcessIdentity.user)
        return hinting(
            "\(path) belongs to user '\(owner)', this is '\(user)': run the command as '\(owner)', or give it over with 'chown -R \(user) \(path)'."
        )
    }
}
