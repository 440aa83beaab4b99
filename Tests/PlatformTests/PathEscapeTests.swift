import Platform
import TestSupport
import Testing

struct PathEscapeTests {
    /// Stands for a SHA-256 in hexadecimal: as long, and different for different names.
    static func digest(_ name: ByteString) -> String {
        let sum = name.bytes.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    @Test func `every string of one or two bytes comes back`() {
        for first in UInt8.min...UInt8.max {
            #expect(PathEscape.unescape(PathEscape.escape(ByteString(bytes: [first]))) == ByteString(bytes: [first]))
            for second in stride(from: UInt8(0), to: 250, by: 7) {
                let name = ByteString(bytes: [first, second])
                let escaped = PathEscape.escape(name)
                if PathEscape.unescape(escaped) != name { Issue.record("\(name.bytes) became \(escaped)") }
            }
        }
    }

    @Test(
        arguments: [
            ("web-1.example_x", "web-1.example_x"), (".hidden", "%2Ehidden"), ("..", "%2E."), ("_own", "%5Fown"),
            ("-rf", "%2Drf"), ("a/b c", "a%2Fb%20c"), ("100%", "100%25"), ("ü", "%C3%BC"), ("", ""),
        ] as [(ByteString, String)])
    func `a name is spelled in the grammar`(name: ByteString, spelling: String) {
        #expect(PathEscape.escape(name) == spelling)
    }

    @Test(arguments: ["%", "%4", "%4G", "a%", "%%41", "%é1"])
    func `a broken escape is refused`(text: String) {
        #expect(PathEscape.unescape(text) == nil)
    }

    @Test(arguments: [
        ("a", true), ("A9._-", true), ("", false), (".a", false), ("-a", false), ("_a", false), ("a/b", false),
        ("a b", false), ("ü", false), ("aü", false), ("a%2F", false),
    ])
    func `the grammar of names`(name: String, isName: Bool) {
        #expect(PathEscape.isName(name) == isName)
    }

    /// Names made to collide, to end inside an escape or a character, or to mean something to a file system.
    static var adversarial: [[UInt8]] {
        func named(_ text: String) -> [UInt8] { Array(text.utf8) }
        var names = (UInt8(1)...255).filter { $0 != 0x2F }.map { [$0] }
        names += [".", "..", "...", ".a", "%2Ea", "%2E", "%2E.", "%25", "%", "%%", "%25%25", "%~", "a%~b"].map(named)
        names += [
            [0xC3, 0xBC], [0xC3], named("%C3"), named("%C3%BC"), [0xC3, 0x28], named("%C3("), [0xFF, 0xC3, 0xBC],
        ]
        for length in [179, 180, 181, 182, 238, 239, 240, 241, 242, 254, 255] {
            names.append([UInt8](repeating: 0x61, count: length))
            names.append([UInt8](repeating: 0x25, count: length))
            names.append([UInt8](repeating: 0xFF, count: length))
            names.append([0x2E] + [UInt8](repeating: 0x61, count: length - 1))
            names.append([UInt8](repeating: 0x61, count: length - 1) + [0x62])
            names.append([UInt8](repeating: 0x61, count: length - 1) + [0x0A])
        }
        for shift in 0...4 {
            let start = [UInt8](repeating: 0x61, count: shift)
            for character in ["ü", "€", "😀", "%", "\n"] {
                let unit = named(character)
                names.append(Array((start + [[UInt8]](repeating: unit, count: 255).joined()).prefix(255)))
                let whole = (255 - shift) / unit.count
                names.append(start + [[UInt8]](repeating: unit, count: whole).joined())
            }
        }
        // The spelling of one long name as the name of another file.
        let long = ByteString(bytes: [UInt8](repeating: 0x61, count: 255))
        names.append(PathEscape.escapeComponent(long, digest: digest).bytes)
        var seen: Set<[UInt8]> = []
        return names.filter { seen.insert($0).inserted }
    }

    @Test func `no two names share a component and every component is acceptable`() {
        var owners: [ByteString: [UInt8]] = [:]
        for name in PathEscapeTests.adversarial {
            let component = PathEscape.escapeComponent(ByteString(bytes: name), digest: PathEscapeTests.digest)
            if let other = owners.updateValue(name, forKey: component) {
                Issue.record("\(name) and \(other) both become \(component)")
            }
            #expect(component.count > 0 && component.count <= 255)
            #expect(String(validating: component.bytes, as: UTF8.self) != nil, "\(name)")
            #expect(component.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x2F }, "\(name)")
            #expect(component.bytes.first != 0x2E, "\(name)")
            // The temporary name of a component must fit, too.
            #expect(PendingFile.temporaryName(for: component).count <= 255)
        }
        #expect(owners.count > 300)
    }

    @Test(
        arguments: [
            ("access.log", "access.log"), (".htaccess", "%2Ehtaccess"), ("grün.log", "grün.log"), ("50%", "50%25"),
            ("a\tb", "a%09b"), ("a b-_", "a b-_"),
        ] as [(ByteString, ByteString)])
    func `a component stays readable`(name: ByteString, component: ByteString) {
        #expect(PathEscape.escapeComponent(name, digest: PathEscapeTests.digest) == component)
    }

    @Test func `a long name is cut between whole characters and whole escapes`() throws {
        var cuts = 0
        for name in PathEscapeTests.adversarial.map({ ByteString(bytes: $0) }) {
            let component = PathEscape.escapeComponent(name, digest: PathEscapeTests.digest)
            let ending = ByteString("%~" + PathEscapeTests.digest(name))
            guard component.bytes.suffix(ending.count).elementsEqual(ending.bytes) else { continue }
            cuts += 1
            let kept = component.bytes.dropLast(ending.count)
            #expect(kept.count > 170)
            let text = try #require(String(validating: kept, as: UTF8.self), "\(name)")
            #expect(name.hasPrefix(try #require(PathEscape.unescape(text), "\(text)")))
        }
        #expect(cuts > 50)
    }

    @Test func `an escaped component of no more than 240 bytes comes back`() {
        for name in PathEscapeTests.adversarial.map({ ByteString(bytes: $0) }) {
            let component = PathEscape.escapeComponent(name, digest: PathEscapeTests.digest)
            guard component.count <= 240, !component.description.contains("%~") else { continue }
            #expect(PathEscape.unescape(String(decoding: component.bytes, as: UTF8.self)) == name)
        }
    }
}
