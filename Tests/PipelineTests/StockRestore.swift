import Codec
import Platform
import TestSupport
import Testing

/// What stock tools bring back of a run: the manifests by gzip, the archives by gzip, sha256sum and tar.
struct StockRestore: Sendable {
    /// A row of a manifest, by the names of its columns.
    typealias Row = [String: ByteString]

    /// The rows by host.
    var rows: [String: [Row]] = [:]
    /// What each archive holds.
    var archives: [String: FileTree] = [:]

    init(_ pipeline: Pipeline, _ date: String) async throws {
        for (host, path) in try await Self.manifests(pipeline, date) {
            rows[host] = try await Self.table(path)
        }
        let objects = Set(rows.values.joined().compactMap { $0["object"]?.description }).subtracting([""]).sorted()
        let vault = pipeline.vault
        let digests = try await onOwnThread { try objects.map { try Self.digest(of: $0, in: vault) } }
        var missing: [(object: String, digest: Digest256)] = []
        for (object, digest) in zip(objects, digests) {
            archives[object] = Self.known.with { $0[digest] }
            if archives[object] == nil { missing.append((object, digest)) }
        }
        if missing.isEmpty { return }
        try await withTemporaryDirectory(in: pipeline.root) { directory in
            try await pipeline.shell(Self.extract, [vault, directory] + missing.map(\.object))
            for (number, (object, digest)) in missing.enumerated() {
                let tree = try await onOwnThread { try FileTree("\(directory)/\(number)") }
                archives[object] = tree
                Self.known.with { $0[digest] = tree }
            }
        }
    }

    /// What stock tools brought back of archives, by ``digest(of:in:)``: hundreds of worlds hold the same bytes, and the
    /// same bytes give the same tree.
    private static let known = Monitor<[Digest256: FileTree]>([:])

    /// The digest of an archive, its name, its index and its digest file.
    private static func digest(of object: String, in vault: String) throws -> Digest256 {
        let suffix = MemberCodec(ofName: object)?.suffix ?? ""
        let name = String(object.dropLast(suffix.count))
        let (directory, _) = Pipeline.split(vault + "/" + object)
        let place = try Directory.open(directory)
        var sums = object
        for suffix in [suffix, ".index.tsv.gz", ".sha256"] {
            let file = try place.openFile(ByteString(Pipeline.split(name).name + suffix))
            sums += " \(try SHA256Hasher.digest(of: FileSource(file)))"
        }
        return SHA256Hasher.digest(of: Array(sums.utf8))
    }

    private static let extract = """
        set -eu
        vault=$1 out=$2 number=0
        shift 2
        for object; do
            cd "$vault/$(dirname "$object")"
            name=$(basename "$object")
            sha256sum -c --quiet --strict "${name%.tar*}.sha256"
            case $name in
                *.tar.gz) gzip -t "$name" ;;
                *.tar.xz) xz -t "$name" ;;
            esac
            digests=$(gzip -dc "${name%.tar*}.index.tsv.gz" | awk -F '\\t' '$1 == "digest_entry" { print $2 }')
            mkdir "$out/$number"
            tar --numeric-owner -xpf "$name" -C "$out/$number"
            cd "$out/$number"
            sha256sum -c --quiet --strict "$digests"
            rm "$digests"
            number=$((number + 1))
        done
        """

    /// The newest manifest of each host of a run.
    static func manifests(_ pipeline: Pipeline, _ date: String) async throws -> [String: String] {
        let place = "\(pipeline.vault)/\(pipeline.job.name)/_ledger/\(date)"
        let names = try await pipeline.shell(
            "cd \"$1\" && sha256sum -c --quiet --strict ./*.sha256 && ls -v *.manifest.*.tsv.gz", [place])
        var newest: [String: String] = [:]
        for name in names.lines {
            guard let range = name.firstRange(of: ".manifest.") else { continue }
            newest[String(name[..<range.lowerBound])] = place + "/" + name
        }
        return newest
    }

    /// Reads a gzip'd table with a header line.
    static func table(_ path: String) async throws -> [Row] {
        let result = try await run(["gzip", "-dc", path])
        guard result.status == 0 else { throw Fault(.damaged, "gzip -dc \(path): \(result)") }
        let bytes = result.stdout
        return try await onOwnThread { try rows(bytes) }
    }

    private static func rows(_ bytes: [UInt8]) throws -> [Row] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true, let head = lines.first else { throw Fault(.damaged, "no table") }
        let columns = fields(head).map(\.description)
        return try lines.dropFirst().map { line in
            let fields = fields(line)
            guard fields.count == columns.count else { throw Fault(.damaged, "a row of \(fields.count) fields") }
            return Dictionary(uniqueKeysWithValues: zip(columns, fields))
        }
    }

    private static func fields(_ line: ArraySlice<UInt8>) -> [ByteString] {
        line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map {
            ByteString(bytes: unescape($0))
        }
    }

    private static func unescape(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let mark = rest.popFirst() else {
                out.append(byte)
                continue
            }
            switch mark {
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "x"):
                out.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: out.append(mark)
            }
        }
        return out
    }

    // MARK: Comparing

    /// What is listed as not kept, with its reason, by host.
    func skipped(_ host: String) -> [ByteString: String] {
        var reasons: [ByteString: String] = [:]
        for row in rows[host] ?? [] {
            let flags = (row["flags"]?.description ?? "").split(separator: "=", maxSplits: 1)
            guard flags.first?.split(separator: ",").contains("skipped") ?? false else { continue }
            reasons[Self.path(row)] = flags.count == 2 ? String(flags[1]) : ""
        }
        return reasons
    }

    private static func path(_ row: Row) -> ByteString { trimmed(row["key"] ?? "") }

    private static func trimmed(_ name: ByteString) -> ByteString {
        name.hasSuffix(UInt8(ascii: "/")) ? ByteString(bytes: Array(name.bytes.dropLast())) : name
    }

    /// One line for each difference between a host's tree as it was, and what came back of it.
    ///
    /// What is listed as skipped is compared too: the caller takes it out of `source` and looks at ``skipped(_:)``.
    func differences(_ host: String, to source: FileTree, _ aspects: FileTree.Aspects = .faithful) -> [String] {
        guard let rows = rows[host] else { return ["\(host): has no manifest"] }
        var lines: [String] = []
        var (expected, restored) = (source, source)
        restored.entries = [:]
        var objects: [ByteString: String] = [:]
        let skipped = skipped(host)
        for row in rows where skipped[Self.path(row)] == nil {
            let path = Self.path(row)
            let object = row["object"]?.description ?? ""
            guard let tree = archives[object], let entry = tree.entries[Self.trimmed(row["entry"] ?? "")] else {
                lines.append("- \(host) \(path): is not in \(object)")
                continue
            }
            objects[path] = object
            restored.entries[path] = entry
            if let old = source.entries[path] { lines += Self.differences(row, old) }
        }
        Self.relink(&expected, objects)
        Self.relink(&restored, objects)
        return lines + expected.differences(to: restored, aspects).map { "\(host) \($0)" }
    }

    /// Where the manifest itself tells something else than the tree had.
    private static func differences(_ row: Row, _ old: FileTree.Entry) -> [String] {
        var lines: [String] = []
        func compare(_ column: String, _ value: String) {
            let text = row[column]?.description ?? ""
            if text != value { lines.append("manifest \(path(row)): \(column) \(text), expected \(value)") }
        }
        if old.kind == .file { compare("size", "\(old.size)") }
        let mode = String(old.mode, radix: 8)
        if old.kind != .symlink { compare("mode", String(repeating: "0", count: max(0, 4 - mode.count)) + mode) }
        let fraction = "\(1_000_000_000 + UInt64(old.modified.nanoseconds))".dropFirst()
        compare("modified", "\(old.modified.seconds).\(fraction)")
        compare("uid", "\(old.uid)")
        compare("gid", "\(old.gid)")
        if let target = old.target, row["link"] != target { lines.append("manifest \(path(row)): link \(target)") }
        return lines
    }

    private struct LinkGroup: Hashable {
        let object: String
        let first: ByteString
    }

    /// A link between two archives can't be: only the names in one archive stay one file.
    private static func relink(_ tree: inout FileTree, _ objects: [ByteString: String]) {
        var groups: [LinkGroup: [ByteString]] = [:]
        for (path, entry) in tree.entries {
            guard let first = entry.linkedTo else { continue }
            groups[LinkGroup(object: objects[path] ?? "", first: first), default: []].append(path)
        }
        for paths in groups.values {
            let first = paths.count > 1 ? paths.min() : nil
            for path in paths { tree.entries[path]?.linkedTo = first }
        }
    }
}

extension Pipeline {
    /// One line for each difference between the trees as they were and what stock tools bring back of a run.
    func stockDifferences(
        _ date: String = run, to sources: [String: FileTree], _ aspects: FileTree.Aspects = .faithful
    ) async throws -> [String] {
        let restore = try await StockRestore(self, date)
        return sources.sorted { $0.key < $1.key }.flatMap { restore.differences($0.key, to: $0.value, aspects) }
    }
}
