package import Platform

/// The name of the bucket of a full snapshot, from a template such as `{source}-{dd}-{mmm}-{yyyy}`.
package enum SnapshotName {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// The bucket of a run: `acme-lake-31-mar-2026`.
    ///
    /// - Parameters:
    ///   - template: with `{source}`, `{yyyy}`, `{mm}`, `{mmm}` and `{dd}`.
    ///   - source: the source bucket.
    ///   - run: the date.
    /// - Returns: a name that S3 takes.
    /// - Throws: `settings` for a template with another field, one without a whole date, which would give two runs one
    ///   bucket, and for a name that can't be a bucket's (S3 user guide, bucket naming rules).
    package static func bucket(template: String, source: String, run: CivilDate) throws(Fault) -> String {
        var name = ""
        var fields: Set<String> = []
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw Fault(.settings, "snapshot '\(template)': a '{' has no '}'")
            }
            let field = String(rest[rest.index(after: open)..<close])
            let value = try value(of: field, template, source: source, run)
            name += rest[..<open] + value
            fields.insert(field)
            rest = rest[rest.index(after: close)...]
        }
        name = (name + rest).lowercased()
        guard fields.isSuperset(of: ["yyyy", "dd"]), !fields.isDisjoint(with: ["mm", "mmm"]) else {
            throw Fault(
                .settings, "snapshot '\(template)' has no whole date, so that two runs would have one bucket",
                hint: "Write {dd}, {mmm} or {mm}, and {yyyy}.")
        }
        guard isBucket(name) else {
            throw Fault(
                .settings, "snapshot '\(template)' gives '\(name)', which is no name of a bucket",
                hint:
                    "It has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a letter or digit."
            )
        }
        return name
    }

    private static func value(
        of field: String, _ template: String, source: String, _ run: CivilDate
    ) throws(Fault) -> String {
        let parts = run.description.split(separator: "-").map(String.init)
        switch field {
        case "source": return source
        case "yyyy": return parts[0]
        case "mm": return parts[1]
        case "mmm": return Int(parts[1]).map { months[$0 - 1] } ?? parts[1]
        case "dd": return parts[2]
        default:
            throw Fault(
                .settings, "snapshot '\(template)': unknown field '{\(field)}'",
                hint: "It knows {source}, {yyyy}, {mm}, {mmm} and {dd}.")
        }
    }

    private static func isBucket(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        let isPlain = { (byte: UInt8) in (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        guard (3...63).contains(bytes.count), let first = bytes.first, let last = bytes.last, isPlain(first),
            isPlain(last), bytes.allSatisfy({ isPlain($0) || $0 == 0x2D || $0 == 0x2E })
        else { return false }
        return !name.contains("..") && !name.hasPrefix("xn--") && !name.hasSuffix("-s3alias")
    }
}
