import ArgumentParser
import Settings

/// The threads that inflate an archive that is read.
///
/// No settings are needed to read one, and so none are asked for their number.
struct ReadingThreads: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Threads that inflate; 0 means one per core.", valueName: "n"))
    var workers = 0

    func validate() throws {
        if !(0...1_024).contains(workers) {
            throw ValidationError("--workers \(workers): expected a number from 0 to 1024")
        }
    }

    var count: Int { Configuration.resolvedWorkers(workers) }
}
