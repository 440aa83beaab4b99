import AWS
import Codec
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// A night whose vault is a bucket of Ceph's object gateway, over TLS, and the way back.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct BucketTests {
        /// Settings with the bucket in the directory's place, and the variables that AWS tools read.
        private func world() async throws -> (world: Pipeline, environment: [String: String?], server: RGWServer) {
            let server = try await onOwnThread { try RGWServer.shared() }
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try world.useBucket(
                "\(Self.bucket(world))/some/where", at: server.tls,
                ["ca_file = \"\(server.certificate)\"", "sidecar_class = \"STANDARD_IA\""])
            return (world, world.awsEnvironment(server), server)
        }

        /// Names of temporary directories have capitals.
        private static func bucket(_ world: Pipeline) -> String {
            "pipeline-"
                + world.root.lowercased().filter { ("a"..."z").contains($0) || ("0"..."9").contains($0) }.suffix(40)
        }

        /// Names and digests of files.
        private static func files(_ tree: FileTree) -> [String] {
            tree.entries.filter { $0.value.kind == .file }.map { path, entry in
                "\(path.components.last?.description ?? "") \(entry.sha256?.description ?? "")"
            }
        }

        @Test("A night goes into a bucket and comes back")
        func night() async throws {
            let (world, environment, server) = try await world()
            func run(_ program: Program, _ arguments: [String], status: Int32 = 0) async throws -> RunResult {
                let result = try await TestSupport.run([program.path] + arguments, environment: environment)
                #expect(result.status == status, "\(program.rawValue) \(arguments): \(result)")
                #expect(!result.isCrash)
                #expect(!(result.output + result.errors).contains(server.secretKey))
                return result
            }
            _ = try await run(.collect, ["init", "--local"])
            // The bucket is not there yet.
            let missing = try await run(.ship, ["check"], status: 1)
            #expect(missing.output.contains("NoSuchBucket"), "\(missing)")
            try await onOwnThread {
                try S3Client.direct(
                    Self.bucket(world), at: server.http, accessKey: server.accessKey, secretKey: server.secretKey
                ).createBucket()
            }
            _ = try await run(.ship, ["check"])
            _ = try await run(.collect, ["logs", "--run", Pipeline.run])
            _ = try await run(.pack, ["logs", "--run", Pipeline.run])
            // Who has no credentials is told once, and not by every archive.
            var stranger = environment
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] { stranger[name] = .some(nil) }
            let refused = try await TestSupport.run([Program.ship.path, "logs"], environment: stranger)
            #expect(refused.status == 1, "\(refused)")
            #expect(refused.errors.split(separator: "no AWS credentials found").count == 2, "\(refused)")
            let shipped = try await run(.ship, ["logs", "--run", Pipeline.run, "--verbose"])
            #expect(shipped.errors.contains("proved by checksum"), "\(shipped)")
            #expect(shipped.errors.contains("Authorization: ***"), "\(shipped)")
            // Nothing is left to do.
            _ = try await run(.ship, ["logs"])
            let listed = try await run(.ship, ["list", "logs", "--run", Pipeline.run])
            #expect(listed.output.contains("app.log"), "\(listed)")
            try await care(world) { try await run($0, $1, status: $2) }
            let place = world.root + "/restored"
            _ = try await run(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", place])
            let restored = try await onOwnThread { try FileTree(place) }
            // The members have other directories than the sources: tenant, then host.
            var expected: [String] = []
            for tree in try await world.sourceTrees().values { expected += Self.files(tree) }
            #expect(Self.files(restored).sorted() == expected.sorted())
            try await stock(world, server)
        }

        /// Every file of a host comes back by curl, gzip and tar alone, by the range that its manifest names.
        private func stock(_ world: Pipeline, _ server: RGWServer) async throws {
            let script = """
                set -euo pipefail
                get() {
                    curl -fsS --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 --user "$2:$3" \\
                        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "${@:4}" "$1/$KEY"
                }
                KEY=logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz get "$1" "$2" "$3" | gzip -dc |
                    awk -F '\\t' '$2 == "f" { print $14 "\\t" $15 "\\t" $16 "\\t" $17 "\\t" $11 }' |
                    while IFS=$'\\t' read -r object entry offset length digest; do
                        found=$(KEY=$object get "$1" "$2" "$3" -r "$offset-$((offset + length - 1))" |
                            gzip -dc | tar -xOf - -- "$entry" | sha256sum)
                        [ "$found" = "$digest  -" ]
                        echo "$entry"
                    done
                """
            let url = "\(server.http)/\(Self.bucket(world))/some/where"
            let result = try await world.shell(script, [url, server.accessKey, server.secretKey])
            #expect(result.lines.count > 4, "\(result)")
        }

        /// The bucket is as it should be by what it tells and by what is read, has no upload, and can be set up.
        private func care(
            _ world: Pipeline, _ run: (Program, [String], Int32) async throws -> RunResult
        ) async throws {
            let verified = try await run(.ship, ["verify", "logs", "--sample", "100"], 0)
            #expect(verified.output.contains("4 of 4 archives read and right"), "\(verified)")
            let printed = try await run(.ship, ["setup", "logs"], 0)
            #expect(printed.output.contains("versioning: is not so yet"), "\(printed)")
            #expect(printed.output.contains("\"Sid\" : \"ColdchainDenyDelete\""), "\(printed)")
            _ = try await run(.ship, ["setup", "logs", "--apply"], 0)
            let again = try await run(.ship, ["setup", "logs"], 0)
            #expect(again.output.contains("lifecycle: is so already"), "\(again)")
            #expect(!again.output.contains("is not so yet"), "\(again)")
            // With versions and a policy it is still what it was.
            _ = try await run(.ship, ["verify", "logs"], 0)
            let swept = try await run(.ship, ["sweep", "logs"], 0)
            #expect(swept.output.contains("no upload"), "\(swept)")
        }

        @Test("Without credentials ship tells what was tried")
        func noCredentials() async throws {
            var (world, environment, _) = try await world()
            _ = try await TestSupport.run([Program.collect.path, "init", "--local"], environment: environment)
            environment["AWS_ACCESS_KEY_ID"] = .some(nil)
            environment["AWS_SECRET_ACCESS_KEY"] = .some(nil)
            let result = try await TestSupport.run([Program.ship.path, "check"], environment: environment)
            #expect(result.status == 1)
            #expect(result.output.contains("credentials"), "\(result)")
            withExtendedLifetime(world) {}
        }
    }
}
