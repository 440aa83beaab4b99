import HTTP
import Platform
import TestSupport
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(10)))
struct CloudWatchClientTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    private func client(_ url: String) throws -> CloudWatchClient {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        return try CloudWatchClient(
            region: "us-east-1", endpoint: url, http: HTTPClient(settings),
            credentials: FixedCredentials(Credentials(accessKey: "AKID", secretKey: Secret("s3cr3t"))),
            clock: Clock { Self.now })
    }

    private func data(_ count: Int) -> [CloudWatchClient.Datum] {
        (0..<count).map {
            .init(
                "run_seconds", dimensions: [("job", "siem"), ("stage", "a b")], value: Double($0), unit: "Seconds",
                time: Self.now)
        }
    }

    @Test func `figures go out in the query protocol, signed, a thousand at most in a request`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(200, "<PutMetricDataResponse/>") }
            try client(server.url).put(data(1_001), namespace: "coldchain")
            try client(server.url).put([], namespace: "coldchain")
            let requests = server.requests
            #expect(requests.count == 2)
            let form = requests[1].form
            #expect(
                form == [
                    "Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "coldchain",
                    "MetricData.member.1.MetricName": "run_seconds", "MetricData.member.1.Value": "1000.0",
                    "MetricData.member.1.Unit": "Seconds", "MetricData.member.1.Timestamp": "2027-01-15T08:00:00Z",
                    "MetricData.member.1.Dimensions.member.1.Name": "job",
                    "MetricData.member.1.Dimensions.member.1.Value": "siem",
                    "MetricData.member.1.Dimensions.member.2.Name": "stage",
                    "MetricData.member.1.Dimensions.member.2.Value": "a b",
                ])
            let signature = requests[0].headers["authorization"] ?? ""
            #expect(signature.contains("Credential=AKID/20270115/us-east-1/monitoring/aws4_request"), "\(signature)")
        }
    }

    @Test func `a refusal names what is missing, and nothing secret`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in
                .status(
                    403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
            }
            let fault = try #require(fault { try client(server.url).put(data(1), namespace: "coldchain") })
            #expect(fault.code == .permission && fault.message.contains("AccessDenied: no"))
            #expect(fault.hint?.contains("cloudwatch:PutMetricData") == true)
            #expect(!"\(fault)".contains("s3cr3t"))
        }
    }

    @Test func `a clock that is off is allowed for once`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                request.headers["x-amz-date"] == "20270115T090000Z"
                    ? .status(200)
                    : .status(
                        400, "<ErrorResponse><Error><Code>RequestExpired</Code></Error></ErrorResponse>",
                        headers: ["Date": "Fri, 15 Jan 2027 09:00:00 GMT"])
            }
            try client(server.url).put(data(1), namespace: "coldchain")
            #expect(server.requests.count == 2)
        }
    }

    @Test(.enabled(if: MotoServer.isInstalled, "\(MotoServer.reason)"))
    func `another implementation of the service has the figures`() async throws {
        try await onOwnThread {
            let moto = try MotoServer.shared()
            var recent = data(1)[0]
            recent.time = Clock.system.now()
            recent.name = "run_" + RandomID.make()
            try client(moto.http).put([recent], namespace: "coldchain")
            let script = """
                import boto3, sys
                client = boto3.client("cloudwatch", endpoint_url=sys.argv[1], region_name="us-east-1",
                    aws_access_key_id="a", aws_secret_access_key="b")
                for metric in client.list_metrics(Namespace="coldchain", MetricName=sys.argv[2])["Metrics"]:
                    print(metric["MetricName"], sorted((d["Name"], d["Value"]) for d in metric["Dimensions"]))
                """
            let listed = try runBlocking(
                [Repository.python, "-c", script, moto.http, recent.name], environment: ["no_proxy": "127.0.0.1"])
            #expect(listed.lines == ["\(recent.name) [('job', 'siem'), ('stage', 'a b')]"], "\(listed)")
        }
    }
}
