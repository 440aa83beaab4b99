package import Platform

/// Says where each entry of one host's tree goes in one run.
///
/// It is asked once for every file, so it keeps what the host and the date settle, and the name of the archive that the
/// entry before went to: neighbours in a tree mostly share it.
package struct Placer: Sendable {
    /// A directory above the entries, whose own archive is not known yet.
    package static let aboveLayout = "above-layout"
    /// The path does not fit the layout.
    package static let unmatched = "unmatched"
    /// The expanded member would have `.` or `..` as a component.
    package static let unsafeMember = "unsafe-member"
    /// The expanded archive would not fit a file system or an object store.
    package static let longName = "archive-name-too-long"

    /// The longest component of an archive's name in bytes: 255 less the longest suffix and some room.
    private static let longestComponent = 220
    /// The longest archive name in bytes: the 1024 of an object's key less prefix, job and suffix.
    private static let longestName = 800

    private enum Piece: Sendable {
        case literal([UInt8])
        case tenant, category, rest
    }

    /// The archive of a tenant and category; nothing where its name is too long.
    private struct Target {
        var tenantBytes: [UInt8]?
        var categoryBytes: [UInt8]?
        var tenant: String
        var name: String?
    }

    private let layout: Layout
    private let unmatchedRule: JobSettings.Unmatched
    private let archive: NameTemplate
    private let host: String
    private let date: CivilDate
    private let member: [Piece]
    /// Whether the tenant must be known to say which archive: one that is captured is told with every entry.
    private let needsTenant: Bool
    private let needsCategory: Bool
    private var last: Target?
    private var unmatchedTarget: Target?

    init(_ job: JobSettings, host: String, date: CivilDate) {
        layout = job.layout
        unmatchedRule = job.unmatched
        archive = job.archive
        self.host = host
        self.date = date
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        for part in job.member.parts {
            switch part {
            case .literal(let text): literal += Array(text.utf8)
            case .variable(let variable):
                if let value = variable.constant(host: host, date: date) {
                    literal += Array(value.utf8)
                    continue
                }
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(variable == .tenant ? .tenant : variable == .category ? .category : .rest)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        member = pieces
        needsTenant = job.archive.variables.contains(.tenant) || job.layout.variables.contains(.tenant)
        needsCategory = job.archive.variables.contains(.category)
    }

    /// Places one entry by its path below the top of the host's tree; a directory's path ends with a slash.
    package mutating func place(_ path: ByteString) -> Placement {
        let spans = layout.match(path.bytes)
        switch spans.kind {
        case .entry: return place(path.bytes, spans)
        case .above:
            let known =
                (spans.tenant != nil || !needsTenant) && (spans.category != nil || !needsCategory)
            return known ? place(path.bytes, spans) : .skip(reason: Self.aboveLayout)
        case .none:
            switch unmatchedRule {
            case .fail: return .refuse(reason: Self.unmatched)
            case .skip: return .skip(reason: Self.unmatched)
            case .tenant(let tenant): return placeUnmatched(path.bytes, tenant)
            }
        }
    }

    private mutating func place(_ path: [UInt8], _ spans: Layout.Spans) -> Placement {
        let isDirectory = path.isEmpty || path.last == UInt8(ascii: "/")
        guard let bytes = memberName(path, spans, isDirectory: isDirectory) else {
            return .refuse(reason: Self.unsafeMember)
        }
        if bytes.isEmpty { return isDirectory ? .skip(reason: Self.aboveLayout) : .refuse(reason: Self.unsafeMember) }
        let target = target(path, spans)
        guard let name = target.name else { return .refuse(reason: Self.longName) }
        return .archive(tenant: target.tenant, name: name, member: ByteString(bytes: bytes))
    }

    private mutating func placeUnmatched(_ path: [UInt8], _ tenant: String) -> Placement {
        let target: Target
        if let known = unmatchedTarget {
            target = known
        } else {
            target = Target(tenant: tenant, name: archiveName(tenant: tenant, category: "_unmatched"))
            unmatchedTarget = target
        }
        guard let name = target.name else { return .refuse(reason: Self.longName) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tenant.utf8.count + host.utf8.count + path.count + 2)
        for part in [tenant, host] {
            bytes += part.utf8
            bytes.append(UInt8(ascii: "/"))
        }
        bytes += path
        guard Self.tidy(&bytes) else { return .refuse(reason: Self.unsafeMember) }
        if path.last == UInt8(ascii: "/") { bytes.append(UInt8(ascii: "/")) }
        return .archive(tenant: tenant, name: name, member: ByteString(bytes: bytes))
    }

    /// Expands the member, without its empty components; nothing when `.` or `..` would be one of them.
    private func memberName(_ path: [UInt8], _ spans: Layout.Spans, isDirectory: Bool) -> [UInt8]? {
        let slash = UInt8(ascii: "/")
        var out: [UInt8] = []
        out.reserveCapacity(path.count + host.utf8.count + 32)
        expansion: for piece in member {
            let span: Range<Int>?
            switch piece {
            case .literal(let bytes):
                out += bytes
                continue
            case .tenant: span = spans.tenant
            case .category: span = spans.category
            case .rest: span = spans.rest
            }
            guard let span else {
                // A directory above the entries: up to the component that is not known.
                while let byte = out.last, byte != slash { out.removeLast() }
                break expansion
            }
            out += path[span]
        }
        guard Self.tidy(&out) else { return nil }
        if isDirectory, !out.isEmpty { out.append(slash) }
        return out
    }

    /// Takes out empty components and the slashes at both ends.
    ///
    /// - Returns: false when a component is `.` or `..`.
    private static func tidy(_ bytes: inout [UInt8]) -> Bool {
        let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        var write = 0
        var start = 0
        var safe = true
        bytes.withUnsafeMutableBufferPointer { buffer in
            while start < buffer.count {
                var end = start
                while end < buffer.count && buffer[end] != slash { end += 1 }
                let length = end - start
                if length > 0 {
                    if length <= 2 && buffer[start] == dot && buffer[end - 1] == dot { safe = false }
                    if write > 0 {
                        buffer[write] = slash
                        write += 1
                    }
                    if write != start { for offset in 0..<length { buffer[write + offset] = buffer[start + offset] } }
                    write += length
                }
                start = end + 1
            }
        }
        bytes.removeLast(bytes.count - write)
        return safe
    }

    private mutating func target(_ path: [UInt8], _ spans: Layout.Spans) -> Target {
        if let last, Self.same(last.tenantBytes, path, spans.tenant),
            !needsCategory || Self.same(last.categoryBytes, path, spans.category)
        {
            return last
        }
        let tenantBytes = spans.tenant.map { Array(path[$0]) }
        let categoryBytes = spans.category.map { Array(path[$0]) }
        let tenant = tenantBytes.map { PathEscape.escape(ByteString(bytes: $0)) } ?? JobSettings.allTenants
        let category = categoryBytes.map { PathEscape.escape(ByteString(bytes: $0)) } ?? ""
        let made = Target(
            tenantBytes: tenantBytes, categoryBytes: categoryBytes, tenant: tenant,
            name: archiveName(tenant: tenant, category: category))
        last = made
        return made
    }

    private static func same(_ bytes: [UInt8]?, _ path: [UInt8], _ span: Range<Int>?) -> Bool {
        guard let bytes, let span else { return bytes == nil && span == nil }
        return bytes.count == span.count && bytes.elementsEqual(path[span])
    }

    /// The archive's name, with the date in front where the template has none; nothing when it is too long.
    private func archiveName(tenant: String, category: String) -> String? {
        let expanded = archive.expand { variable in
            switch variable {
            case .tenant: tenant
            case .category: category
            default: variable.constant(host: host, date: date) ?? ""
            }
        }
        let isDated = !archive.variables.isDisjoint(with: NameTemplate.Variable.date)
        let name = isDated ? expanded : "\(date)/\(expanded)"
        let fits =
            name.utf8.count <= Self.longestName
            && name.utf8.split(separator: UInt8(ascii: "/")).allSatisfy { $0.count <= Self.longestComponent }
        return fits ? name : nil
    }
}
