import AWS
import Testing

struct SecretTests {
    @Test func `a secret is never printed`() {
        let credentials = Credentials(
            accessKey: "AKID", secretKey: Secret("hush-hush"), sessionToken: Secret("token-token"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), "\(credentials.secretKey)", dumped] {
            #expect(!text.contains("hush") && !text.contains("token-"))
        }
        #expect(credentials.secretKey.value == "hush-hush")
    }
}
