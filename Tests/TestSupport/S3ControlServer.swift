import Platform

/// S3 Control of the tests: it takes copy jobs, tells how they stand, and lets a closure do what S3 Batch Operations would.
///
/// What it is asked and what it answers is kept, and ``validate()`` holds both against the model of the service that AWS's own
/// clients are made from.
package final class S3ControlServer: Sendable {
    /// A job as it was asked for.
    package struct Job: Sendable {
        package let id: String
        package let body: String

        /// The text of the first element of a name.
        package func text(_ name: String) -> String {
            guard let start = body.firstRange(of: "<\(name)>"), let end = body.firstRange(of: "</\(name)>") else {
                return ""
            }
            return String(body[start.upperBound..<end.lowerBound]).replacing("&amp;", with: "&")
        }
    }

    /// How a job has ended.
    package struct End: Sendable {
        package var state: String
        package var succeeded: Int
        package var failed: Int

        package init(state: String = "Complete", succeeded: Int, failed: Int) {
            self.state = state
            self.succeeded = succeeded
            self.failed = failed
        }
    }

    private struct State {
        var jobs: [String: (job: Job, asked: Int, end: End?)] = [:]
        var tokens: [String: String] = [:]
        var exchanges: [(operation: String, id: String, query: String, account: String, body: String, answer: String)] =
            []
    }

    private let state: Monitor<State>
    private let server: LoopbackServer

    package var url: String { server.url }
    /// The jobs that were made, one for each token.
    package var jobs: [Job] { state.with { $0.jobs.values.map(\.job).sorted { $0.id < $1.id } } }
    /// How often each operation was asked for.
    package func count(_ operation: String) -> Int {
        state.with { $0.exchanges.count { $0.operation == operation } }
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - first: the state that a job is in when it is first asked for, such as `Active` or `Suspended`.
    ///   - perform: does a job.
    /// - Throws: when no port is free.
    package init(first: String = "Active", _ perform: @escaping @Sendable (Job) throws -> End) throws {
        let state = Monitor(State())
        self.state = state
        server = try LoopbackServer { request, _ in
            Self.answer(request, first: first, state, perform)
        }
    }

    private static let root = "/v20180820/jobs"

    private static func answer(
        _ request: LoopbackServer.Request, first: String, _ state: Monitor<State>,
        _ perform: @Sendable (Job) throws -> End
    ) -> LoopbackServer.Answer {
        let parts = request.path.split(separator: "?", maxSplits: 1).map(String.init)
        let account = request.headers["x-amz-account-id"] ?? ""
        let isSigned = (request.headers["authorization"] ?? "").contains("/s3/aws4_request")
        guard parts[0].hasPrefix(root), isSigned, !account.isEmpty else {
            return .status(
                403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
        }
        let names = parts[0].dropFirst(root.count).split(separator: "/").map(String.init)
        let operation: String
        let document: String
        switch (request.method, names.count) {
        case ("POST", 0):
            operation = "CreateJob"
            let draft = Job(id: "", body: request.body)
            let token = draft.text("ClientRequestToken")
            let (id, isNew) = state.with { state -> (String, Bool) in
                if let known = state.tokens[token] { return (known, false) }
                let id = "00000000-0000-4000-8000-00000000000\(state.jobs.count + 1)"
                state.tokens[token] = id
                state.jobs[id] = (Job(id: id, body: request.body), 0, nil)
                return (id, true)
            }
            if isNew {
                let end =
                    (try? perform(Job(id: id, body: request.body))) ?? End(state: "Failed", succeeded: 0, failed: 0)
                state.with { $0.jobs[id]?.end = end }
            }
            document = "<CreateJobResult><JobId>\(id)</JobId></CreateJobResult>"
        case ("GET", 1):
            operation = "DescribeJob"
            guard
                let job = state.with({ state in
                    state.jobs[names[0]]?.asked += 1
                    return state.jobs[names[0]]
                })
            else { return .status(404, "<ErrorResponse><Error><Code>NoSuchJob</Code></Error></ErrorResponse>") }
            let end = job.end ?? End(state: "Failed", succeeded: 0, failed: 0)
            let isOver = job.asked > 1
            document = """
                <DescribeJobResult><Job><JobId>\(names[0])</JobId><Status>\(isOver ? end.state : first)</Status>\
                <Priority>10</Priority><ProgressSummary><TotalNumberOfTasks>\(end.succeeded + end.failed)</TotalNumberOfTasks>\
                <NumberOfTasksSucceeded>\(isOver ? end.succeeded : 0)</NumberOfTasksSucceeded>\
                <NumberOfTasksFailed>\(isOver ? end.failed : 0)</NumberOfTasksFailed></ProgressSummary>\
                <FailureReasons>\(isOver && end.state == "Failed" ? "<member><FailureCode>TooMany</FailureCode><FailureReason>more than half</FailureReason></member>" : "")</FailureReasons>\
                <RoleArn>\(job.job.text("RoleArn"))</RoleArn></Job></DescribeJobResult>
                """
        case ("POST", 2) where names[1] == "status":
            operation = "UpdateJobStatus"
            document = "<UpdateJobStatusResult><JobId>\(names[0])</JobId><Status>Ready</Status></UpdateJobStatusResult>"
        default: return .status(405)
        }
        let answer = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + document
        state.with {
            $0.exchanges.append(
                (operation, names.first ?? "", parts.count > 1 ? parts[1] : "", account, request.body, answer))
        }
        return .status(200, answer, headers: ["Content-Type": "application/xml"])
    }

    /// Holds all that was said against botocore's model of the service.
    ///
    /// - Returns: what the script printed: `ok N` for N exchanges without a fault.
    package func validate() throws -> RunResult {
        let exchanges = state.with { $0.exchanges }
        let lines = exchanges.map { one in
            [one.operation, one.id, one.query, one.account, one.body, one.answer]
                .map { field in field.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
                .joined(separator: ",")
        }
        return try runBlocking(
            [Repository.python, "-c", Self.script], stdin: Array(lines.joined(separator: "\n").utf8))
    }

    private static let script = #"""
        import sys, xml.etree.ElementTree as tree, urllib.parse
        import botocore.session, botocore.parsers, botocore.validate
        model = botocore.session.get_session().get_service_model('s3control')
        parser = botocore.parsers.create_parser('rest-xml')
        space = '{http://awss3control.amazonaws.com/doc/2018-08-20/}'

        def plain(element):
            for one in element.iter():
                one.tag = one.tag.replace(space, '')
            return element

        def strict(element, shape, where):
            '''Every element has a place in the shape.'''
            if shape.type_name == 'structure':
                names = {member.serialization.get('name', name): member for name, member in shape.members.items()}
                for child in element:
                    assert child.tag in names, f'{where}: no member {child.tag}'
                    strict(child, names[child.tag], f'{where}.{child.tag}')
            elif shape.type_name == 'list':
                for child in element:
                    assert child.tag == shape.member.serialization.get('name', 'member'), f'{where}: {child.tag}'
                    strict(child, shape.member, where)
            else:
                assert len(element) == 0, f'{where} has children'
                if shape.type_name == 'string' and getattr(shape, 'enum', None):
                    assert element.text in shape.enum, f'{where}: {element.text}'

        count = 0
        for line in sys.stdin.read().split('\n'):
            if not line:
                continue
            operation, job, query, account, body, answer = [bytes.fromhex(x).decode() for x in line.split(',')]
            shape = model.operation_model(operation)
            given = {'AccountId': account}
            if operation == 'CreateJob':
                root = tree.fromstring(body.encode())
                assert root.tag == space + shape.input_shape.serialization['name'], root.tag
                root = plain(root)
                strict(root, shape.input_shape, operation)
                given.update(parser._parse_shape(shape.input_shape, root))
                given = {k: v for k, v in given.items() if v is not None}
            else:
                given['JobId'] = job
            if operation == 'UpdateJobStatus':
                fields = dict(urllib.parse.parse_qsl(query))
                given['RequestedJobStatus'] = fields.pop('requestedJobStatus')
                given['StatusUpdateReason'] = fields.pop('statusUpdateReason')
                assert not fields and given['RequestedJobStatus'] in ['Ready', 'Cancelled']
            report = botocore.validate.ParamValidator().validate(given, shape.input_shape)
            assert not report.has_errors(), f'{operation}: {report.generate_report()}'
            root = plain(tree.fromstring(answer.encode()))
            strict(root, shape.output_shape, operation + ' answer')
            told = parser.parse({'status_code': 200, 'headers': {}, 'body': answer.encode()}, shape.output_shape)
            assert told.get('JobId') or told.get('Job', {}).get('JobId'), told
            count += 1
        print('ok', count)
        """#
}
