import Platform
import TestSupport
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(10)))
struct CredentialChainTests {
    @Test("When none is found, what was tried and why each did not apply")
    func none() async throws {
        let bench = try CredentialBench()
        let thrown = await fault(of: { try await bench.find() })
        let fault = try #require(thrown)
        let home = bench.home.path
        #expect(fault.code == .permission)
        #expect(
            fault.message
                == "no AWS credentials found; tried environment: AWS_ACCESS_KEY_ID is not set; "
                + "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; "
                + "profile 'default': not in \(home)/.aws/config (not there), \(home)/.aws/credentials (not there); "
                + "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set; "
                + "instance metadata: AWS_EC2_METADATA_DISABLED is set")
        #expect(fault.hint?.contains("LoadCredential=aws-credentials:") == true)
    }

    @Test("The order: each place counts only where those before it are not set up")
    func order() async throws {
        let bench = try CredentialBench()
        let sts = try LoopbackServer { _, _ in
            .status(200, CredentialBench.answer("AssumeRoleWithWebIdentity", key: "WEB"))
        }
        let container = try LoopbackServer { _, _ in .status(200, CredentialBench.json(key: "TASK")) }
        let instance = try LoopbackServer { request, _ in
            request.method == "PUT"
                ? .status(200, "t")
                : request.path.hasSuffix("/")
                    ? .status(200, "role") : .status(200, CredentialBench.json(key: "INSTANCE"))
        }
        let token = try bench.file("token", "t")
        var variables = [
            "AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": sts.url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url,
        ]
        try bench.file(".aws/credentials", "[default]\naws_access_key_id = FILE\naws_secret_access_key = s")
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "ENV")
        variables["AWS_ACCESS_KEY_ID"] = ""
        variables["AWS_SECRET_ACCESS_KEY"] = nil
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "WEB")
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "FILE")
        try bench.file(".aws/credentials", "[default]\nregion = x")
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "TASK")
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = nil
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "INSTANCE")
    }

    @Test(
        "What is set up by halves is a fault, and nothing weaker is taken",
        arguments: [
            (["AWS_ACCESS_KEY_ID": "a"], "AWS credentials from environment: AWS_ACCESS_KEY_ID is set, but"),
            (["AWS_SECRET_ACCESS_KEY": "HUSH"], "AWS credentials from environment: AWS_SECRET_ACCESS_KEY is set, but"),
            (
                ["AWS_WEB_IDENTITY_TOKEN_FILE": "/x"],
                "AWS credentials from web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set"
            ),
            (
                ["AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/x", "AWS_ROLE_ARN": "r"],
                "AWS credentials from web identity: open /nowhere/x"
            ),
            (["AWS_PROFILE": "nobody"], "AWS credentials from profile 'nobody': there is no profile 'nobody' in "),
            (
                ["AWS_DEFAULT_PROFILE": "nobody"],
                "AWS credentials from profile 'nobody': there is no profile 'nobody' in "
            ),
        ])
    func halves(variables: [String: String], words: String) async throws {
        let bench = try CredentialBench()
        try bench.file(".aws/credentials", "[default]\naws_access_key_id = FILE\naws_secret_access_key = HUSH")
        let thrown = await fault(of: { try await bench.find(CredentialSettings(), variables) })
        #expect(thrown?.message.hasPrefix(words) == true, "\(String(describing: thrown))")
        #expect(thrown?.description.contains("HUSH") == false)
    }

    @Test(
        "The region: settings, then the environment, then the profile",
        arguments: [
            ("s", ["AWS_REGION": "r", "AWS_DEFAULT_REGION": "d"], nil, "s"),
            (nil, ["AWS_REGION": "r", "AWS_DEFAULT_REGION": "d"], nil, "r"),
            (nil, ["AWS_DEFAULT_REGION": "d"], "other", "d"),
            (nil, [:], nil, "of-default"), (nil, ["AWS_PROFILE": "other"], nil, "of-other"),
            (nil, ["AWS_PROFILE": "default"], "other", "of-other"), (nil, ["AWS_PROFILE": "none"], nil, nil),
        ] as [(String?, [String: String], String?, String?)])
    func region(setting: String?, variables: [String: String], profile: String?, expected: String?) throws {
        let bench = try CredentialBench()
        try bench.file(".aws/config", "[default]\nregion = of-default\n[profile other]\nregion = of-other")
        let chain = bench.chain(CredentialSettings(profile: profile, region: setting), variables)
        #expect(try chain.region() == expected)
    }

    @Test("A shared file that is there but can't be read is a fault")
    func unreadable() async throws {
        let bench = try CredentialBench()
        try TreeBuilder(bench.home.path).directory(".aws/config")
        let thrown = await fault(of: { try await bench.find() })
        #expect(thrown?.message.contains("\(bench.home.path)/.aws/config") == true, "\(String(describing: thrown))")
    }
}
