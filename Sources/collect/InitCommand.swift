import ArgumentParser
import Console
import Platform
import Settings

/// `collect init`: plants the guards of staging and of every `file://` vault.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Plant the guards of staging and of every file:// vault.",
        discussion: """
            A guard is a file with a random id, remembered in the state directory. A directory without its guard is \
            taken for an unmounted one and refused. Running init again changes nothing on a directory that has one.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(name: .long, help: "Accept directories that are no mount points, and make them where they are missing.")
    var local = false

    func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let state = try Directory.create(configuration.state)
            var paths = [("staging", configuration.staging)]
            for vault in configuration.vaults.values.sorted(by: { $0.name < $1.name }) {
                switch vault.kind {
                case .directory(let path): paths.append(("vault \(vault.name)", path))
                }
            }
            for (what, path) in paths {
                let id = try MountGuard(path, state: state).plant(local: local)
                common.output.line("\(what) \(path): guard \(id)")
            }
            return ExitStatus.done
        }
    }
}
