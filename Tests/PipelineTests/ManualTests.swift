import AWS
import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Every command of the pages' examples, as it stands there.
    @Suite
    struct ManualTests {
        /// Where the examples' server keeps its archives.
        enum Kind: CaseIterable {
            case directory, bucket
            /// A bucket of Deep Archive, of moto: Ceph has no class that is thawed.
            case archive

            /// The address of the server.
            func endpoint() throws -> (url: String, accessKey: String, secretKey: String) {
                if self == .archive { return (try MotoServer.shared().http, "AKID", "secret") }
                let server = try RGWServer.shared()
                return (server.http, server.accessKey, server.secretKey)
            }
        }

        /// Job siem with two hosts, and what the pages have of names and places for those of this world.
        private func world(_ kind: Kind) async throws -> (world: Pipeline, environment: [String: String?]) {
            let world = try Pipeline(
                .init(name: "siem", hosts: ["siem01", "siem07"], layout: "{tenant}/{category}/**"))
            for host in world.job.hosts {
                try world.host(host).file("acme/web/access.log", text: "GET / of \(host)\n")
                try world.host(host).file("acme/db/slow.log", text: "SELECT of \(host)\n")
            }
            // Something that is left out.
            try await world.shell("mkfifo \"$1/siem07/acme/web/pipe\"", [world.source])
            var environment = world.environment
            let bin = Pipeline.split(Program.collect.path).directory
            environment["PATH"] = "\(bin):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            environment["HOME"] = world.root
            if kind != .directory {
                let server = try await onOwnThread { try kind.endpoint() }
                let bucket = "manual-" + RandomID.make()
                let variables = [
                    "ENDPOINT": server.url, "BUCKET": bucket, "AWS_DEFAULT_REGION": "us-east-1",
                    "NO_PROXY": "127.0.0.1",
                ]
                environment.merge(
                    world.awsEnvironment(accessKey: server.accessKey, secretKey: server.secretKey, variables)
                ) { one, _ in one }
                try world.useBucket(
                    "\(bucket)/v", at: server.url, kind == .archive ? ["storage_class = \"DEEP_ARCHIVE\""] : [])
                try await onOwnThread {
                    try S3Client.direct(
                        bucket, at: server.url, accessKey: server.accessKey, secretKey: server.secretKey
                    ).createBucket(withObjectLock: false)
                }
            }
            return (world, environment)
        }

        @Test(
            "Every command of the examples does what the page says, in this order",
            .enabled(if: geteuid() == 0, "staging and vault are mounted, as on a server"),
            arguments: [Kind.directory, .bucket])
        func examples(_ kind: Kind) async throws {
            let (world, environment) = try await world(kind)
            let collect = try ManualCommands("collect.1", ".Sh EXAMPLES").blocks
            let pack = try ManualCommands("pack.1", ".Sh EXAMPLES").blocks
            let ship = try ManualCommands("ship.1", ".Sh EXAMPLES").blocks
            #expect(collect.count == 4 && pack.count == 4 && ship.count == 5)
            var script: [String] = ["cd \"$ROOT\""]
            for block in collect + pack.prefix(1) + ship.prefix(1) { script += block }
            script.append("cd \"$WHERE/siem/$DAY/pack/acme/${DAY//-//}\"")
            for block in pack.dropFirst() + ship.dropFirst() { script += block }
            #expect(script.count > 25)
            let day = Pipeline.run
            let text = script.map { command in
                let own = command.replacing("STAGING/", with: world.staging + "/")
                    .replacing("2026-11-20", with: day).replacing("/tmp/", with: world.root + "/")
                    .replacing("/srv/acme", with: world.root + "/srv-acme")
                return "echo '==' \(quoted(command)) >&2\n\(own)"
            }.joined(separator: "\n")
            // less(1) is cat(1) where nobody looks.
            let result = try await run(
                [
                    "unshare", "--mount", "--propagation", "private", "bash", "-c",
                    """
                    set -euo pipefail
                    command -v less >/dev/null || less() { cat; }
                    export ROOT=$1 WHERE=$2 DAY=$4
                    for place in "$2" "$3"; do mkdir -p "$place"; mount -t tmpfs manual "$place"; done
                    \(text)
                    cmp "$1/back/acme/web/siem01/access.log" "$1/source/siem01/acme/web/access.log"
                    cmp "$1/srv-acme/acme/db/siem07/slow.log" "$1/source/siem07/acme/db/slow.log"
                    """, "bash", world.root, world.staging, world.vault, day,
                ], environment: environment, timeout: 120)
            #expect(result.status == 0, "\(result)")
        }

        private func quoted(_ word: String) -> String { "'" + word.replacing("'", with: #"'\''"#) + "'" }

        @Test("One file, and a tenant of one run, come back by the commands of coldchain(7)")
        func restore() async throws {
            let (world, environment) = try await world(.directory)
            try await world.initialize()
            try await world.night()
            let one = try ManualCommands("coldchain.7", ".Ss One file").blocks.flatMap { $0 }
            let tenant = try ManualCommands("coldchain.7", ".Ss A tenant of one run").blocks.flatMap { $0 }
            #expect(one.count == 4 && tenant.count == 4)
            func own(_ command: String) -> String {
                command.replacing("cd VAULT", with: "cd \(world.vault)")
                    .replacing("2026-11-20", with: Pipeline.run)
                    .replacing("2026/11/20", with: Pipeline.run.replacing("-", with: "/"))
                    .replacing("/tmp/back", with: "\"$BACK\"")
                    // What the first commands print is what the next ones take.
                    .replacing("1229211", with: "$offset").replacing("1229145", with: "$length")
            }
            let script = """
                set -euo pipefail
                export BACK=$1/back; mkdir "$BACK"
                \(own(one[0]))
                row=$(\(own(one[1])))
                read -r archive entry offset length digest <<<"$row"
                [ "$archive" = "siem/acme/\(Pipeline.run.replacing("-", with: "/"))/siem01.tar.gz" ]
                [ "$entry" = acme/web/siem01/access.log ]
                \(own(one[2]))
                \(own(one[3])) | grep -q "^$digest "
                cmp "$BACK/acme/web/siem01/access.log" "$1/source/siem01/acme/web/access.log"
                rm -rf "$BACK"; mkdir "$BACK"
                \(tenant.map(own).joined(separator: "\n"))
                cmp "$BACK/acme/web/siem01/access.log" "$1/source/siem01/acme/web/access.log"
                """
            let result = try await run(["bash", "-c", script, "bash", world.root], environment: environment)
            #expect(result.status == 0, "\(result)\n\(script)")
        }

        @Test(
            "Every command of coldchain-restore(7) does what the page says, out of a directory, a bucket, and Deep Archive",
            .enabled(if: geteuid() == 0, "staging and vault are mounted, as on a server"), arguments: Kind.allCases)
        func restorePage(_ kind: Kind) async throws {
            let (world, environment) = try await world(kind)
            func run(_ program: Program, _ arguments: [String]) async throws {
                let result = try await TestSupport.run([program.path] + arguments, environment: environment)
                #expect(result.status == 0, "\(arguments): \(result)")
            }
            try await run(.collect, ["init", "--local"])
            for program in Program.allCases { try await run(program, ["siem", "--run", Pipeline.run]) }
            func commands(_ heading: String) throws -> [String] {
                try ManualCommands("coldchain-restore.7", heading).blocks.flatMap { $0 }.map { command in
                    command.replacing("2026-11-20", with: Pipeline.run)
                        .replacing("2026/11/20", with: Pipeline.run.replacing("-", with: "/"))
                        .replacing("B=acme-archive P=logs", with: "B=$BUCKET P=v")
                        .replacing("/tmp/", with: world.root + "/").replacing("/srv/", with: world.root + "/srv-")
                        // What the first commands print is what the next ones take.
                        .replacing("1229211-2458355", with: "$offset-$((offset + length - 1))")
                }
            }
            // The settings are as they were, the rest of the server is new.
            let steps = try commands(".Sh STEPS")
            #expect(steps.count == 6)
            var script = [
                "set -euo pipefail", "cd \"$1\"",
                "aws() { command aws --endpoint-url \"$ENDPOINT\" \"$@\"; }",
                "same() { cmp \"$1/acme/web/siem01/access.log\" source/siem01/acme/web/access.log; }",
            ]
            if kind != .directory {
                let which = try commands(".Ss Which bytes of which archive")
                let thaw = try commands(".Ss Thaw")
                let (one, all) = (try commands(".Ss One file"), try commands(".Ss A whole archive"))
                #expect(which.count == 5 && thaw.count == 3 && one.count == 4 && all.count == 6)
                script += which.prefix(3) + ["row=$(\(which[3]))", "archives=$(\(which[4]))"]
                script.append("read -r archive entry offset length digest <<<\"$row\"")
                script.append("[ \"$archive\" = \"$archives\" ] && [ \"$entry\" = acme/web/siem01/access.log ]")
                // Ceph has nothing to thaw, and refuses the request.
                script += kind == .archive ? thaw.prefix(2) + ["\(thaw[2]) | grep -q false"] : thaw.prefix(1)
                script.append("[ \"$K\" = \"$P/$archive\" ]")
                script +=
                    one.dropLast() + ["\(one[3]) | grep -q \"^$digest \"", "same back", "rm -rf back", "mkdir back"]
                script += all.dropLast() + ["(\(all[5]))", "same back"]
            }
            script.append(kind == .archive ? "! \(steps[3])" : "")
            script += steps.prefix(4) + ["same srv-back"]
            script.append("rm -rf staging state && mkdir staging && mount -t tmpfs new staging")
            script.append(
                "mkdir -p vault && mv vault old && mkdir vault && mount -t tmpfs new vault && cp -a old/. vault")
            script += steps.dropFirst(4)
            script.append("ls staging/siem/ledger/\(Pipeline.run)/siem01.manifest.1.tsv.gz")
            let result = try await TestSupport.run(
                ["unshare", "--mount", "--propagation", "private", "bash", "-xc"]
                    + [script.joined(separator: "\n"), "bash", world.root], environment: environment, timeout: 120)
            #expect(result.status == 0, "\(result)")
        }
    }
}
