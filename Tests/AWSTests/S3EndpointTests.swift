import AWS
import HTTP
import Platform
import TestSupport
import Testing

struct S3EndpointTests {
    @Test(arguments: [
        (S3Endpoint.Addressing.auto, "bucket", "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/%2B"),
        (.auto, "with.dot", "https://s3.eu-central-1.amazonaws.com/with.dot/a%20b/%2B"),
        (.path, "bucket", "https://s3.eu-central-1.amazonaws.com/bucket/a%20b/%2B"),
        (.virtual, "with.dot", "https://with.dot.s3.eu-central-1.amazonaws.com/a%20b/%2B"),
    ])
    func `buckets have addresses at AWS`(_ addressing: S3Endpoint.Addressing, _ bucket: String, _ url: String) {
        let endpoint = S3Endpoint(region: "eu-central-1", addressing: addressing)
        #expect(endpoint.request(.get, bucket: bucket, key: "a b/+").url == url)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8480", S3Endpoint.Addressing.auto, "http://127.0.0.1:8480/b/k"),
        ("https://s3.example/", .auto, "https://s3.example/b/k"), ("http://[::1]:9000", .path, "http://[::1]:9000/b/k"),
        ("http://[::1]", .path, "http://[::1]/b/k"),
        ("https://s3.example:8443", .virtual, "https://b.s3.example:8443/k"),
    ])
    func `other servers are reached by path unless told otherwise`(
        _ text: String, _ addressing: S3Endpoint.Addressing, _ url: String
    ) throws {
        let endpoint = try S3Endpoint(url: text, region: "us-east-1", addressing: addressing)
        #expect(endpoint.request(.get, bucket: "b", key: "k").url == url)
        #expect(endpoint.moved(to: "elsewhere").request(.get, bucket: "b", key: "k").url == url)
    }

    @Test func `another region is another host of AWS`() {
        let moved = S3Endpoint(region: "us-east-1").moved(to: "cn-north-1")
        #expect(moved.request(.get, bucket: "b").url == "https://b.s3.cn-north-1.amazonaws.com.cn/")
    }

    @Test(arguments: [
        "s3.example", "ftp://s3.example", "https://", "https://a/b", "https://a:0", "https://a:x", "https://u@a",
        "https://a?b",
    ])
    func `what is no address of a server is refused`(_ text: String) throws {
        try expectFault(.settings, text) { try S3Endpoint(url: text, region: "us-east-1") }
    }
}
