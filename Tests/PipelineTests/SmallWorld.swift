import Codec
import Glibc
import Platform
import TestSupport
import Testing

/// A small job that stands before a program's turn, with copies of it to spoil.
struct SmallWorld: Sendable {
    let before: Pipeline
    let program: Program
    let sources: [String: FileTree]
    /// What is there once the program has run, and once all have.
    private let next: [String]
    let paths: [String]
    /// What the program makes.
    private let made: [String]

    /// Makes a job for which the programs before `program` have run.
    init(until program: Program) async throws {
        self.program = program
        before = try Pipeline()
        try await Self.fill(before)
        sources = try await before.sourceTrees()
        try await before.initialize()
        try await before.night(Pipeline.run, Program.allCases.filter { Self.rank($0) < Self.rank(program) })
        let whole = try await Self.copy(of: before)
        try await whole.night(Pipeline.run, [program])
        next = try await whole.paths()
        made = try await Self.made(by: program, in: whole)
        try await whole.night(Pipeline.run, Program.allCases.filter { Self.rank($0) > Self.rank(program) })
        paths = try await whole.paths()
        let differences = try await whole.stockDifferences(to: sources)
        #expect(differences == [])
    }

    private static let worlds = Monitor<[Program: Task<SmallWorld, any Error>]>([:])

    /// One for all tests that do nothing but copy it.
    static func shared(until program: Program) async throws -> SmallWorld {
        let world = worlds.with { worlds in
            // Nothing else would ever release them.
            if worlds.isEmpty { atexit { SmallWorld.sweep() } }
            let world = worlds[program] ?? Task { try await SmallWorld(until: program) }
            worlds[program] = world
            return world
        }
        return try await world.value
    }

    private static func sweep() { worlds.with { $0 = [:] } }

    private static func rank(_ program: Program) -> Int { Program.allCases.firstIndex(of: program) ?? 0 }

    /// Two hosts, two tenants, an entry of each kind, and a file that fills more than one gzip member.
    static func fill(_ pipeline: Pipeline) async throws {
        for name in ["web1", "web2"] {
            let host = try pipeline.host(name)
            try host.directory("acme/nothing")
            try host.file("acme/app.log", text: "one line of \(name)\n")
            try host.file("acme/empty")
            try host.symlink("acme/latest", to: "app.log")
            try host.file("globex/conf/a", text: "a of \(name)\n", mode: 0o600)
            try host.hardLink("globex/conf/b", to: "globex/conf/a")
            try host.file("globex/with space", text: "x")
        }
        let path = pipeline.source + "/web1/acme/big.log"
        try await pipeline.shell("seq -f 'line %g of the big log' 1 400000 | head -c 5242880 > \"$1\"", [path])
        try await pipeline.shell("find \"$1\" -exec touch -h -d '2025-11-18 01:02:03.456789' {} +", [pipeline.source])
    }

    static func copy(of other: Pipeline) async throws -> Pipeline {
        let copy = try Pipeline(other.job, source: other.source)
        try await copy.shell(
            "cd \"$1\" && for d in staging vault state; do [ ! -d $d ] || cp -a $d \"$2\"; done",
            [other.root, copy.root])
        // The guards are there; their new places are pinned.
        try await copy.initialize()
        return copy
    }

    /// How many of these calls the program makes when nothing happens.
    func count(_ program: Program, _ calls: [String]) async throws -> Int {
        let world = try await Self.copy(of: before)
        let mark = world.root + "/fault.mark"
        let injection = Injection(calls: calls, action: .count, below: world.root + "/", mark: mark)
        let result = try await world.stage(program, Pipeline.run, [], injection)
        guard result.status == 0 else { throw Fault(.io, "\(result)") }
        return Int(String(decoding: try world.read(mark), as: UTF8.self).filter(\.isNumber)) ?? 0
    }

    /// Ends the program at the n-th call and checks all that follows.
    ///
    /// - Returns: false when the program ended well before that.
    func check(_ point: CrashPoint, _ number: Int) async throws -> Bool {
        let world = try await Self.copy(of: before)
        let injection = Injection(
            calls: point.calls, when: number, action: point.action, below: world.root + "/")
        let killed = try await world.stage(program, Pipeline.run, [], injection)
        let isKilled = killed.ending == .signalled(9)
        #expect(isKilled || killed.status == 0, "\(injection): \(killed)")
        let broken = try await Claims.broken(world)
        #expect(broken == [], "\(program.rawValue), \(injection), right after it")
        try await completes(world, "\(program.rawValue), \(injection)", isWhole: number % Self.wholes == 1)
        return isKilled
    }

    enum Start { case same, next }

    /// Of hundreds of calls every so many is followed by all programs.
    ///
    /// The same bytes under the same names, with records that hold, are what the others have always made the same of.
    static let wholes = 4

    /// The same command again, or the next one, then the others: all is there, nothing is left over.
    ///
    /// - Parameters:
    ///   - world: where.
    ///   - what: has happened.
    ///   - start: the first program.
    ///   - isWhole: false to leave out the programs behind this one where it has made the very same.
    /// - Throws: what keeps anything from being looked at.
    func completes(
        _ world: Pipeline, _ what: String, from start: Start = .same, isWhole: Bool = true
    ) async throws {
        if start == .same { try await runs(program, world, what) }
        if !isWhole, try await Self.made(by: program, in: world) == made {
            let (left, broken) = (try await world.paths(), try await Claims.broken(world))
            #expect(left == next, "\(what)")
            #expect(broken == [], "\(what)")
            return
        }
        for next in Program.allCases where Self.rank(next) > Self.rank(program) {
            try await runs(next, world, what)
        }
        let (left, differences) = (try await world.paths(), try await world.stockDifferences(to: sources))
        let strays = Set(left).subtracting(paths).sorted()
        let missing = Set(paths).subtracting(left).sorted()
        #expect(strays == [], "\(what)")
        #expect(missing == [], "\(what)")
        #expect(differences == [], "\(what)")
        let archives = left.filter { $0.hasPrefix("staging/") && $0.hasSuffix(".tar.gz") }.map { world.root + "/" + $0 }
        let verified = try await world(.pack, ["verify"] + archives)
        #expect(verified.status == 0 && archives.count == 4, "\(what): \(verified)")
    }

    private func runs(_ next: Program, _ world: Pipeline, _ what: String) async throws {
        let result = try await world.stage(next)
        #expect(result.status == 0, "\(what), then \(next.rawValue): \(result)")
    }

    /// What a program has made but for its records, which tell when and by which attempt: paths with kind and content.
    private static func made(by program: Program, in world: Pipeline) async throws -> [String] {
        let places =
            switch program {
            case .collect: [world.runDirectory() + "/collect"]
            case .pack: [world.runDirectory() + "/pack"]
            case .ship: [world.vault, "\(world.staging)/\(world.job.name)/ledger"]
            }
        return try await onOwnThread {
            try places.flatMap { place in
                try FileTree(place).entries.sorted { $0.key < $1.key }.map { path, entry in
                    "\(path) \(entry.kind) \(entry.sha256?.description ?? "") \(entry.target ?? "")"
                }
            }
        }
    }
}
