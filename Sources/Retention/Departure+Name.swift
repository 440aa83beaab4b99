package import Platform

extension Departure {
    /// What the name of a snapshot's bucket begins with.
    private static let scheme = "s3://"

    /// How an object of a warehouse is named here: what is not ASCII, and the percent sign, as `%HH`.
    ///
    /// Its key is bytes of somebody else, and two spellings of one letter are two keys.
    package static func name(ofObject object: ByteString) -> String {
        var text = ""
        for byte in object.bytes {
            if (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "%") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }

    /// The key of an object, from its name.
    ///
    /// - Throws: `damaged` for a name that is none.
    package static func object(named name: String) throws(Fault) -> ByteString {
        guard let object = PathEscape.unescape(name) else { throw Fault(.damaged, "'\(name)' is no name of an object") }
        return object
    }

    package static func name(ofSnapshot bucket: String) -> String { "\(scheme)\(bucket)/" }

    /// The bucket of a snapshot, from its name.
    package static func bucket(named name: String) throws(Fault) -> String {
        guard name.hasPrefix(scheme), name.hasSuffix("/"), name.utf8.count > scheme.utf8.count + 1 else {
            throw Fault(.damaged, "'\(name)' is no name of a bucket")
        }
        return String(name.dropFirst(scheme.utf8.count).dropLast())
    }

    /// The names under which what a manifest's row names may be on its way out.
    static func names(for object: String) -> [String] {
        if object.hasPrefix(scheme) {
            return [name(ofSnapshot: String(object.dropFirst(scheme.utf8.count).prefix { $0 != "/" }))]
        }
        let escaped = name(ofObject: ByteString(object))
        return escaped == object ? [object] : [object, escaped]
    }
}
