import Platform

/// A program that prints credentials as JSON: the key `credential_process` of a profile.
struct CredentialProcess {
    let command: String
    /// Seconds until the program is ended.
    var timeout = 60

    private static let longestAnswer = 64 << 10

    /// Runs the program.
    ///
    /// - Throws: `settings` for a command that can't be started; `permission` for a program that fails or gives no
    ///   credentials, with its last words on standard error, never with its output.
    func credentials() throws(Fault) -> Credentials {
        guard let words = ShellWords.split(command), let program = words.first, !program.isEmpty else {
            throw Fault(.settings, "credential_process: is no command", hint: "Close every quote in it.")
        }
        // The arguments may be secret.
        let name = "credential_process \(program)"
        // Such a program may be one that signs in by the keys of the environment.
        let process = try ConnectedProcess(
            program, Array(words.dropFirst()), name: name, secrets: ChildEnvironment.hidden)
        defer { process.stop() }
        process.connection.endWriting()
        let answer = try output(of: process, name)
        guard let end = process.wait(milliseconds: 5_000) else {
            throw Fault(.permission, "\(name): has closed its output, but does not end")
        }
        switch end {
        case .exited(0): break
        case .exited(let status): throw failed(process, "\(name): ended with status \(status)")
        case .signalled(let number): throw failed(process, "\(name): was ended by signal \(number)")
        case .notStarted(let reason): throw Fault(.settings, "\(name): can't be started: \(reason)")
        }
        let parsed = try CredentialAnswer(answer, from: name)
        guard parsed.Version == 1 else {
            throw Fault(
                .unsupported, "\(name): its answer is of version \(parsed.Version.map(String.init) ?? "none")",
                hint: "The program must print a JSON object with \"Version\": 1.")
        }
        return try parsed.credentials(from: name)
    }

    private func output(of process: ConnectedProcess, _ name: String) throws(Fault) -> [UInt8] {
        var answer: [UInt8] = []
        let buffer = Buffer(capacity: 8 << 10)
        let end = Clock.monotonic() + Double(timeout)
        process.connection.setReadTimeout(seconds: 1)
        while true {
            // A program that it has started may keep the output open when it has ended itself; what it said is here by then.
            let hasEnded = process.wait(milliseconds: 0) != nil
            let count = try process.connection.read(into: buffer.bytes)
            if count == 0 || count == nil && hasEnded { return answer }
            try Shutdown.check()
            guard Clock.monotonic() < end else {
                throw Fault(
                    .permission, "\(name): has not answered within \(timeout) seconds", retry: .temporary)
            }
            guard let count else { continue }
            buffer.count = count
            answer.append(contentsOf: buffer.contents)
            guard answer.count <= Self.longestAnswer else {
                throw Fault(.damaged, "\(name): prints more than \(Self.longestAnswer) bytes")
            }
        }
    }

    private func failed(_ process: ConnectedProcess, _ message: String) -> Fault {
        let words = process.lastWords().last
        return Fault(.permission, words.map { "\(message): \($0)" } ?? message)
    }
}
