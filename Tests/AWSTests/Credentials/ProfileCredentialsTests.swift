import Platform
import TestSupport
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(10)))
struct ProfileCredentialsTests {
    @Test(
        "Whose keys a profile has, in which of the two files",
        arguments: [
            ("[default]\naws_access_key_id = C\naws_secret_access_key = s", "", [:], "C"),
            ("", "[default]\naws_access_key_id = D\naws_secret_access_key = s", [:], "D"),
            (
                "[default]\naws_access_key_id = C\naws_secret_access_key = s",
                "[default]\naws_access_key_id = D\naws_secret_access_key = s", [:], "D"
            ),
            (
                "[default]\naws_access_key_id = C\naws_secret_access_key = s\n[profile default]\naws_access_key_id = P\naws_secret_access_key = s",
                "", [:], "P"
            ),
            ("[profile x y]\naws_access_key_id = X\naws_secret_access_key = s", "", ["AWS_PROFILE": "x y"], "X"),
            ("", "[x]\naws_access_key_id = X\naws_secret_access_key = s", ["AWS_DEFAULT_PROFILE": "x"], "X"),
            (
                "",
                "[x]\naws_access_key_id = X\naws_secret_access_key = s\n[y]\naws_access_key_id = Y\naws_secret_access_key = s",
                ["AWS_PROFILE": "y", "AWS_DEFAULT_PROFILE": "x"], "Y"
            ),
            (
                "", "[x]\naws_access_key_id = X\naws_secret_access_key = s",
                ["AWS_PROFILE": "x", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s"], "E"
            ),
        ] as [(String, String, [String: String], String)])
    func keys(config: String, credentials: String, variables: [String: String], key: String) async throws {
        let bench = try CredentialBench()
        try bench.file(".aws/config", config)
        try bench.file(".aws/credentials", credentials)
        let found = try await bench.find(CredentialSettings(), variables)
        #expect(found == Credentials(accessKey: key, secretKey: Secret("s")))
    }

    @Test("The files may lie elsewhere, also below ~, and a systemd credential stands for the credentials file")
    func files() async throws {
        let bench = try CredentialBench()
        let keys = "aws_access_key_id = K\naws_secret_access_key = s\naws_session_token = t"
        try bench.file("elsewhere", "[profile a]\nregion = x\n[b]\naws_access_key_id = no\naws_secret_access_key = no")
        try bench.file("there", "[a]\n\(keys)")
        try bench.file("run/aws-credentials", "[default]\n" + keys.replacingK("SYSTEMD"))
        try bench.file(".aws/credentials", "[default]\n" + keys.replacingK("HOME"))
        let variables = ["AWS_CONFIG_FILE": "\(bench.home.path)/elsewhere", "AWS_SHARED_CREDENTIALS_FILE": "~/there"]
        let elsewhere = try await bench.find(CredentialSettings(profile: "a"), variables)
        #expect(elsewhere == Credentials(accessKey: "K", secretKey: Secret("s"), sessionToken: Secret("t")))
        // Only a heading with the word profile counts in the config file.
        let other = await fault(of: { try await bench.find(CredentialSettings(profile: "b"), variables) })
        #expect(other?.message.contains("there is no profile 'b'") == true)
        let directory = ["CREDENTIALS_DIRECTORY": "\(bench.home.path)/run"]
        #expect(try await bench.find(CredentialSettings(), directory).accessKey == "SYSTEMD")
        let without = ["CREDENTIALS_DIRECTORY": "\(bench.home.path)"]
        #expect(try await bench.find(CredentialSettings(), without).accessKey == "HOME")
        let named = directory.merging(["AWS_SHARED_CREDENTIALS_FILE": "~/there", "AWS_PROFILE": "a"]) { $1 }
        #expect(try await bench.find(CredentialSettings(), named).accessKey == "K")
    }

    @Test(
        "What is wrong in a profile, with the advice that there is",
        arguments: [
            ("aws_access_key_id = a", Fault.Code.settings, "profile 'p': has only one of", false),
            ("aws_secret_access_key = HUSH", .settings, "profile 'p': has only one of", false),
            ("sso_session = x", .unsupported, "sign-on (SSO)", true),
            ("sso_start_url = x\nsso_account_id = 1", .unsupported, "sign-on (SSO)", true),
            ("role_arn = r", .settings, "profile 'p': role_arn needs source_profile or credential_source", false),
            (
                "role_arn = r\nsource_profile = q\ncredential_source = Environment", .settings, "exclude each other",
                false
            ),
            ("role_arn = r\nsource_profile = q\nmfa_serial = m", .unsupported, "(mfa_serial)", true),
            ("role_arn = r\nsource_profile = nobody", .settings, "there is no profile 'nobody'", false),
            ("role_arn = r\nsource_profile = p", .settings, "is its own source_profile and has no keys", false),
            ("role_arn = r\nsource_profile = q", .settings, "source_profile leads in a circle: p, q, p", false),
            ("role_arn = r\nsource_profile = empty", .permission, "source_profile 'empty'", false),
            ("role_arn = r\ncredential_source = Moon", .settings, "unknown credential_source 'Moon'", true),
            ("role_arn = r\ncredential_source = Environment", .permission, "AWS_ACCESS_KEY_ID is not set", false),
            (
                "role_arn = r\nsource_profile = k\nduration_seconds = 60", .settings, "from 900 to 43200, found '60'",
                false
            ),
            ("role_arn = r\nweb_identity_token_file = /nowhere/token", .notFound, "/nowhere/token", false),
            ("credential_process = /nowhere/x", .settings, "can't be started", false),
            ("region = x", .permission, "has no credentials for it", true),
        ])
    func problems(keys: String, code: Fault.Code, words: String, hasHint: Bool) async throws {
        let bench = try CredentialBench()
        try bench.file(
            ".aws/config",
            """
            [profile p]
            \(keys)
            [profile q]
            role_arn = r
            source_profile = p
            [profile empty]
            region = x
            [profile k]
            aws_access_key_id = a
            aws_secret_access_key = HUSH
            """)
        let thrown = await fault(of: { try await bench.find(CredentialSettings(profile: "p")) })
        let fault = try #require(thrown)
        #expect(fault.code == code && fault.message.contains(words), "\(fault)")
        #expect((fault.hint != nil) == hasHint, "\(fault.hint ?? "")")
        #expect(!fault.description.contains("HUSH"))
    }

    @Test("A role by a chain of profiles: each is asked for with the one before, and the requests are signed")
    func roles() async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { request, number in
            .status(200, CredentialBench.answer("AssumeRole", key: "ROLE\(number)"))
        }
        try bench.file(
            ".aws/config",
            """
            [profile top]
            role_arn = arn:aws:iam::1:role/top
            source_profile = middle
            role_session_name = night
            external_id = a b+c/é
            duration_seconds = 900
            region = eu-central-1
            [profile middle]
            role_arn = arn:aws:iam::1:role/middle
            source_profile = base
            """)
        try bench.file(".aws/credentials", "[base]\naws_access_key_id = BASE\naws_secret_access_key = HUSH")
        let found = try await bench.find(
            CredentialSettings(profile: "top"), ["AWS_ENDPOINT_URL_STS": server.url])
        #expect(found == CredentialBench.expected("ROLE2", expires: "2026-11-20T04:04:05Z"))

        let requests = server.requests
        #expect(requests.map(\.method) == ["POST", "POST"])
        #expect(
            requests.map(\.form) == [
                [
                    "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/middle",
                    "RoleSessionName": "coldchain",
                ],
                [
                    "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/top",
                    "RoleSessionName": "night", "ExternalId": "a b+c/é", "DurationSeconds": "900",
                ],
            ])
        let first = requests[0].headers["authorization"] ?? ""
        let second = requests[1].headers["authorization"] ?? ""
        #expect(first.contains("Credential=BASE/20261120/us-east-1/sts/aws4_request"), "\(first)")
        #expect(second.contains("Credential=ROLE1/20261120/eu-central-1/sts/aws4_request"), "\(second)")
        #expect(requests[0].headers["x-amz-security-token"] == nil)
        #expect(requests[1].headers["x-amz-security-token"] == "token-of-ROLE1")
        #expect(requests[1].headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8")
    }

    @Test("A profile with a role and keys of its own; a role by what the environment has")
    func ownKeys() async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { _, _ in .status(200, CredentialBench.answer("AssumeRole", key: "ROLE")) }
        try bench.file(
            ".aws/config",
            """
            [profile self]
            role_arn = r
            source_profile = self
            aws_access_key_id = OWN
            aws_secret_access_key = s
            [profile environment]
            role_arn = r
            credential_source = Environment
            """)
        let variables = [
            "AWS_ENDPOINT_URL_STS": server.url, "AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_SESSION_TOKEN": "t",
        ]
        for profile in ["self", "environment"] {
            #expect(try await bench.find(CredentialSettings(profile: profile), variables).accessKey == "ROLE")
        }
        let signers = server.requests.map { $0.headers["authorization"]?.contains("Credential=OWN/") ?? false }
        #expect(signers == [true, false])
        #expect(server.requests[1].headers["x-amz-security-token"] == "t")
    }

    @Test("Web identity, from the environment and from a profile: the token of the moment, and no signature")
    func webIdentity() async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { _, number in
            .status(200, CredentialBench.answer("AssumeRoleWithWebIdentity", key: "WEB\(number)"))
        }
        let token = try bench.file("token", "first\n")
        try bench.file(".aws/config", "[profile web]\nrole_arn = arn:b\nweb_identity_token_file = ~/token")
        let variables = [
            "AWS_ENDPOINT_URL_STS": server.url, "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:a",
            "AWS_ROLE_SESSION_NAME": "pod",
        ]
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "WEB1")
        try bench.file("token", "second")
        #expect(try await bench.find(CredentialSettings(profile: "web"), variables).accessKey == "WEB2")
        let forms = server.requests.map(\.form)
        #expect(forms.map { $0["WebIdentityToken"] } == ["first", "second"])
        #expect(forms.map { $0["RoleArn"] } == ["arn:a", "arn:b"])
        #expect(forms.map { $0["RoleSessionName"] } == ["pod", "coldchain"])
        #expect(server.requests.allSatisfy { $0.headers["authorization"] == nil })
    }

    @Test("A role on top of whatever is found, as the vault's settings ask")
    func roleOfSettings() async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { _, _ in .status(200, CredentialBench.answer("AssumeRole", key: "ROLE")) }
        let variables = [
            "AWS_ENDPOINT_URL_STS": server.url, "AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s",
        ]
        let settings = CredentialSettings(roleARN: "arn:x", region: "eu-west-1")
        #expect(try await bench.find(settings, variables).accessKey == "ROLE")
        let request = try #require(server.requests.first)
        #expect(request.form["RoleArn"] == "arn:x")
        #expect(request.headers["authorization"]?.contains("/eu-west-1/sts/") == true)
    }

    @Test("A role of the settings is asked for in the profile's region, where nothing else names one")
    func regionOfRole() async throws {
        let bench = try CredentialBench()
        try bench.file(
            ".aws/config", "[profile p]\nregion = cn-north-1\naws_access_key_id = K\naws_secret_access_key = s")
        let server = try LoopbackServer { _, _ in .status(200, CredentialBench.answer("AssumeRole", key: "ROLE")) }
        let variables = ["AWS_ENDPOINT_URL_STS": server.url]
        let settings = CredentialSettings(profile: "p", roleARN: "arn:x")
        #expect(try await bench.find(settings, variables).accessKey == "ROLE")
        #expect(server.requests.first?.headers["authorization"]?.contains("/cn-north-1/sts/") == true)
    }
}

extension String {
    fileprivate func replacingK(_ key: String) -> String {
        "aws_access_key_id = \(key)" + drop { $0 != "\n" }
    }
}
