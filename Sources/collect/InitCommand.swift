import ArgumentParser
import Console
import Glibc
import Platform
import Settings

/// `collect init`: plants the guards of staging and of every `file://` vault.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Plant the guards of staging and of every file:// vault.",
        discussion: """
            A guard is a file with a random id, remembered in the state directory. A directory without its guard is \
            taken for an unmounted one and refused. Running init again changes nothing where all is as it was, and \
            refuses a place where another guard is found, or none.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(name: .long, help: "Accept directories that are no mount points, and make them where they are missing.")
    var local = false

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Take what is at this path now for the right directory, though another guard was planted there.",
            valueName: "path"), completion: .directory)
    var replaceGuard: [String] = []

    /// What has its guard now, whether it was planted or found.
    private struct Planted: Encodable {
        var what: String
        var path: String
        var `guard`: String
    }

    func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let state = try self.state(configuration.state)
            var paths = [(what: "staging", path: configuration.staging)]
            for vault in configuration.vaults.values.sorted(by: { $0.name < $1.name }) {
                switch vault.kind {
                case .directory(let path): paths.append(("vault \(vault.name)", path))
                // A bucket is known by its name; it has no mount that could be missing.
                case .bucket: break
                }
            }
            // As settings are read: a slash at the end is no other path.
            let replaced = replaceGuard.map { path in
                path.hasSuffix("/") ? "/" + path.split(separator: "/").joined(separator: "/") : path
            }
            for path in replaced where !paths.contains(where: { $0.path == path }) {
                throw Fault(
                    .usage, "--replace-guard \(path): is neither staging nor a vault",
                    hint: "They are \(paths.map(\.path).joined(separator: ", ")).")
            }
            let guards = paths.map { MountGuard($0.path, state: state) }
            func replaces(_ path: String) -> Bool { replaced.contains(path) }
            // All are looked at before any is planted, so that one look at the message is enough.
            var faults: [Fault] = []
            for (place, guarded) in zip(paths, guards) {
                do { try guarded.checkPlanting(local: local, replacing: replaces(place.path)) } catch {
                    faults.append(Fault.wrapping(error).within(place.what))
                }
            }
            if let fault = Self.joined(faults) { throw fault }
            var planted: [Planted] = []
            for (place, guarded) in zip(paths, guards) {
                let id = try guarded.plant(local: local, replacing: replaces(place.path))
                planted.append(Planted(what: place.what, path: place.path, guard: id))
            }
            try common.output.result(planted) {
                planted.map { "\($0.what) \($0.path): guard \($0.guard)" }.joined(separator: "\n")
            }
            return ExitStatus.done
        }
    }

    /// Opens the state directory, or makes it.
    ///
    /// - Throws: `permission` for root in the directory of another account, which could not read what root left there.
    private func state(_ path: String) throws(Fault) -> Directory {
        do throws(Fault) {
            let state = try Directory.create(path)
            let owner = try state.status().uid
            guard owner == geteuid() || geteuid() != 0 else {
                let name = ProcessIdentity.name(ofUser: owner)
                throw Fault(
                    .permission, "\(path): belongs to user '\(name)', this is '\(ProcessIdentity.user)'",
                    hint: "Run the command as that user: runuser -u \(name) -- ...")
            }
            return state
        } catch { throw error.namingOwner(of: path) }
    }

    /// One fault for all places, with each piece of advice once.
    private static func joined(_ faults: [Fault]) -> Fault? {
        guard let first = faults.first else { return nil }
        var hints: [String] = []
        for hint in faults.compactMap(\.hint) where !hints.contains(hint) { hints.append(hint) }
        return Fault(
            first.code, faults.map(\.description).joined(separator: "\n"),
            hint: hints.isEmpty ? nil : hints.joined(separator: "\n"))
    }
}
