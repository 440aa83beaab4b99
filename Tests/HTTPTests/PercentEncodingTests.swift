import HTTP
import Testing

struct PercentEncodingTests {
    @Test(arguments: [
        ("azAZ09-._~", "azAZ09-._~"), ("a b+c%d", "a%20b%2Bc%25d"), ("é/&=?#", "%C3%A9%2F%26%3D%3F%23"), ("", ""),
        ("*'()!,;:@$[]", "%2A%27%28%29%21%2C%3B%3A%40%24%5B%5D"),
    ])
    func `only unreserved characters stay`(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded) == Array(text.utf8))
    }

    @Test func `a slash may stay`() { #expect(PercentEncoding.encode("a/b c", keepingSlash: true) == "a/b%20c") }

    @Test func `every byte comes back`() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(PercentEncoding.decode(PercentEncoding.encode(bytes)) == bytes)
    }

    @Test(arguments: ["%", "%1", "%zz", "a%2"]) func `broken escapes are refused`(_ text: String) {
        #expect(PercentEncoding.decode(text) == nil)
    }

    @Test func `a plus sign is a plus sign`() { #expect(PercentEncoding.decode("a+b%2fc") == Array("a+b/c".utf8)) }
}
