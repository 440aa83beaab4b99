import HTTP
import Testing

struct HTTPAddressTests {
    @Test(
        "Addresses of services",
        arguments: [
            ("http://169.254.170.2/v2/x?y=1", "http://169.254.170.2", "/v2/x", "y=1", false),
            ("HTTPS://Example.org", "https://example.org", "/", nil, false),
            ("http://x?y", "http://x", "/", "y", false), ("http://x/?", "http://x", "/", "", false),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080", "/a", nil, true),
            ("http://127.9.9.9", "http://127.9.9.9", "/", nil, true),
            ("http://[::1]:80/", "http://[::1]:80", "/", nil, true),
            ("http://[fd00:ec2::23]/a", "http://[fd00:ec2::23]", "/a", nil, false),
            ("http://localhost/a", "http://localhost", "/a", nil, true),
            ("http://127.0.0.1.evil.org/", "http://127.0.0.1.evil.org", "/", nil, false),
            ("http://a_b/x:y@z?u=http://v", "http://a_b", "/x:y@z", "u=http://v", false),
        ] as [(String, String, String, String?, Bool)])
    func addresses(url: String, origin: String, path: String, query: String?, isLoopback: Bool) throws {
        let address = try #require(HTTPAddress(url))
        #expect(address.origin == origin && address.path == path && address.query == query)
        #expect(address.isLoopback == isLoopback)
    }

    @Test(
        "What is no address",
        arguments: [
            "", "ftp://x/", "http://", "http:///a", "http://x:0/", "http://x:65536/", "http://x:/", "http://x:+1/",
            "http://u@x/", "http://u:1@x/", "http://x/a b", "http://x/#y", "http://x/\n", "http://::1/", "http://[::1/",
            "http://[]/", "http://a%b/", "127.0.0.1",
        ])
    func noAddresses(url: String) {
        #expect(HTTPAddress(url) == nil)
    }

    @Test(
        "An address is asked as it is written",
        arguments: [
            ("http://h/p%2Fq?a+b", "http://h/p%2Fq?a+b"), ("http://h/p?k", "http://h/p?k"),
            ("http://h/p?a=%FF&&b=%2b", "http://h/p?a=%FF&&b=%2b"), ("http://h?", "http://h/?"),
            ("http://h:80/p?k#fragment", "http://h/p?k"), ("https://H:8443", "https://h:8443/"),
        ])
    func asked(text: String, url: String) throws {
        #expect(try #require(HTTPRequest(.get, url: text)).url == url)
    }

    @Test("Another path at the same origin is asked without the query")
    func otherPath() throws {
        let address = try #require(HTTPAddress("http://h:1/p?q"))
        #expect(address.request(.get, path: "/other").url == "http://h:1/other")
    }
}
