import Archive
import Glibc
import Platform
import TestSupport
import Testing

/// Stock programs read what this one writes: the same tree comes out of all of them.
@Suite(.timeLimit(.minutes(10)))
struct OtherReadersTests {
    /// Unpacks the sampler with a shell command, where `$A` is the archive, in a new directory.
    private func unpacked(_ command: String, _ host: StagedHost = .sampler) async throws -> (FileTree, FileTree, RunResult) {
        let packed = try await pack([host])
        let result = try await run(
            ["sh", "-c", "mkdir \(packed.top.path)/new && cd \(packed.top.path)/new && \(command)"],
            environment: ["A": packed.out + "/acme.tar.gz", "LC_ALL": "C.UTF-8"], timeout: 120)
        return try await onOwnThread {
            try host.make(packed.top.path + "/expected")
            return (
                try FileTree(packed.top.path + "/expected"),
                try FileTree(packed.top.path + "/new").without("MANIFEST.sha256"), result
            )
        }
    }

    /// Directories above the entries that the tar does not name: their times are those of the unpacking.
    private static let unnamed: FileTree.Aspects = [.mode, .owner, .fileTimes, .linkTimes, .hardLinks, .holes]

    @Test func `zz`() async throws {
        for command in ["tar xzpf $A", "bsdtar -xpf $A", "gzip -dc $A | busybox tar x", "python3 -c \"import os,tarfile; tarfile.open(os.environ['A'], encoding='utf-8', errors='surrogateescape').extractall(filter='fully_trusted', numeric_owner=True)\"", "zcat $A | tar xpf -"] {
            let (old, new, result) = try await unpacked(command)
            print(command, result)
            for line in old.differences(to: new, Self.unnamed) { print(line) }
        }
    }
}
