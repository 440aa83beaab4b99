import Platform
import Testing
import Warehouse

struct FormEncodingTests {
    private func decode(_ text: String) -> ByteString? {
        var bytes = Array(text.utf8)
        return bytes.withUnsafeMutableBytes { buffer in
            FormEncoding.decode(buffer).map { ByteString(buffer[..<$0]) }
        }
    }

    @Test(
        "A plus sign is a space, and escapes are bytes",
        arguments: [
            ("a+b", "a b"), ("a%2Bb", "a+b"), ("a%2bb", "a+b"), ("a%20b", "a b"), ("a%25b", "a%b"), ("a%252Bb", "a%2Bb"),
            ("a%26b%3Dc%23d%3Fe", "a&b=c#d?e"), ("a%0Ab", "a\nb"), ("%2Fa", "/a"), ("a//b", "a//b"),
            ("dt%3D2024-05-07-01-00/symlink.txt", "dt=2024-05-07-01-00/symlink.txt"), ("%C3%BC", "\u{FC}"), ("", ""),
        ])
    func keys(encoded: String, key: String) { #expect(decode(encoded) == ByteString(key)) }

    @Test("An escape that is none is no key", arguments: ["%", "%2", "a%zz", "%2G", "%%41"])
    func broken(text: String) { #expect(decode(text) == nil) }
}
