package import ArgumentParser
import Glibc
package import Logging
package import Platform
package import Settings

/// The options that every command has.
package struct CommonOptions: ParsableArguments {
    @Option(
        name: .long, help: "The settings file. Default: $COLDCHAIN_CONFIG, else /etc/coldchain/coldchain.toml.",
        completion: .file(extensions: ["toml"]))
    package var config: String?

    @Flag(name: .long, help: "Print results as JSON.")
    package var json = false

    @Flag(name: .shortAndLong, help: "Only warnings and errors on stderr.")
    package var quiet = false

    @Flag(name: .shortAndLong, help: "More detail on stderr.")
    package var verbose = false

    @Option(name: .long, help: ArgumentHelp("Messages on stderr as text or json.", valueName: "format"))
    package var logFormat: LogFormat = .text

    package init() {}

    package func validate() throws {
        logFormat.use()
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    package var output: Output { Output(isJSON: json) }

    package func logger() -> Logger {
        let level: Logger.Level = quiet ? .warning : verbose ? .debug : .info
        return Logger(label: Door.program) { _ in StderrLogHandler(program: Door.program, level: level) }
    }

    package func settings() throws(Fault) -> Configuration {
        var environment: [String: String] = [:]
        for name in ["COLDCHAIN_CONFIG", "COLDCHAIN_STAGING", "COLDCHAIN_STATE", "COLDCHAIN_WORKERS"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        return try Configuration.load(config, environment: environment)
    }

    /// Loads the settings, and sets the process's time zone to the job's.
    package func settings(of job: String) throws(Fault) -> (all: Configuration, job: JobSettings) {
        let all = try settings()
        let settings = try all.job(job)
        try Clock.useTimeZone(settings.timezone)
        return (all, settings)
    }
}
