import Platform
import TestSupport
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(10)))
struct CredentialProcessTests {
    /// Runs a shell script as a credential process.
    private func run(_ script: String, arguments: String = "", timeout: Int = 20) async throws -> Credentials {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path).file("a script", text: "#!/bin/sh\n\(script)\n", mode: 0o755)
        let process = CredentialProcess(command: "'\(directory.path)/a script' \(arguments)", timeout: timeout)
        return try await onOwnThread { try withExtendedLifetime(directory) { try process.credentials() } }
    }

    @Test("A program's answer, with its arguments, an end and a token; it has nothing to read")
    func answer() async throws {
        let found = try await run(
            #"""
            cat
            printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s",' "$1" "$2"
            echo '"SessionToken": "t", "Expiration": "2026-11-20T04:04:05+01:00"}'
            """#, arguments: #"AKID 'a secret'"#)
        #expect(
            found
                == Credentials(
                    accessKey: "AKID", secretKey: Secret("a secret"), sessionToken: Secret("t"),
                    expires: Timestamp(rfc3339: "2026-11-20T03:04:05Z")))
    }

    @Test("Without an end they hold for good")
    func noEnd() async throws {
        let found = try await run(#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'"#)
        #expect(found == Credentials(accessKey: "a", secretKey: Secret("b")))
    }

    @Test(
        "What goes wrong is told without what the program printed",
        arguments: [
            ("echo HUSH; echo 'no login' >&2; exit 3", Fault.Code.permission, "ended with status 3: no login"),
            ("echo HUSH; kill -9 $$", .permission, "was ended by signal 9"),
            ("echo HUSH", .damaged, "is no JSON object"),
            (#"echo '{"AccessKeyId": "HUSH", "SecretAccessKey": "HUSH"}'"#, .unsupported, "of version none"),
            (#"echo '{"Version": 2, "AccessKeyId": "HUSH", "SecretAccessKey": "HUSH"}'"#, .unsupported, "of version 2"),
            (#"echo '{"Version": 1, "AccessKeyId": "HUSH"}'"#, .damaged, "has no AccessKeyId and SecretAccessKey"),
            (
                #"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "HUSH", "Expiration": "HUSH"}'"#,
                .damaged,
                "ends at no date"
            ),
            ("yes HUSH", .damaged, "prints more than 65536 bytes"),
            ("", .damaged, "is no JSON object"),
        ])
    func failures(script: String, code: Fault.Code, words: String) async throws {
        let thrown = await fault(of: { try await run(script, arguments: "--password HUSH") })
        let fault = try #require(thrown)
        #expect(fault.code == code && fault.message.contains(words), "\(fault)")
        #expect(!"\(fault) \(fault.hint ?? "")".contains("HUSH"))
        #expect(fault.message.contains("a script"))
    }

    @Test("A program that never answers is ended")
    func timeout() async throws {
        let began = Clock.monotonic()
        let thrown = await fault(of: { try await run("sleep 60", timeout: 1) })
        #expect(thrown?.message.contains("has not answered within 1 seconds") == true)
        #expect(Clock.monotonic() - began < 30)
    }

    @Test(
        "What the program leaves running in the background is not waited for, whatever it keeps open",
        arguments: [
            ("sleep 100 &", nil),
            ("sleep 100 2>/dev/null & echo 'no login' >&2; exit 3", "ended with status 3: no login"),
            ("sleep 100 >/dev/null & echo 'no login' >&2; exit 3", "ended with status 3: no login"),
        ] as [(String, String?)])
    func background(script: String, words: String?) async throws {
        let began = Clock.monotonic()
        let found = Monitor<Credentials?>(nil)
        let thrown = await fault(of: {
            let credentials = try await run(
                #"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'; "# + script, timeout: 200)
            found.with { $0 = credentials }
        })
        #expect(found.with { $0?.accessKey } == (words == nil ? "a" : nil))
        #expect(words.map { thrown?.message.contains($0) == true } ?? (thrown == nil), "\(String(describing: thrown))")
        // On a busy machine a program may start late.
        #expect(Clock.monotonic() - began < 90)
    }

    @Test("A command that can't be started, or is none", arguments: ["/nowhere/program x", "", "'x"])
    func notStarted(command: String) async throws {
        let process = CredentialProcess(command: command)
        let thrown = await fault(of: { try await onOwnThread { try process.credentials() } })
        #expect(thrown?.code == .settings)
    }
}
