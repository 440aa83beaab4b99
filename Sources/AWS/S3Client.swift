package import HTTP
package import Platform

/// Calls of the S3 API on one bucket, from any number of threads.
///
/// Every call blocks.
///
/// What can be put right is put right here: a skewed clock, expired credentials and a bucket in another region once each,
/// failures of the service and of the network as often as the pace allows.
package final class S3Client: Sendable {
    package let bucket: String
    private let http: HTTPClient
    let source: any CredentialSource
    private let pace: any RequestPace
    let clock: Clock
    let place: Monitor<S3Endpoint>
    /// Seconds that the service's clock is ahead of ours.
    let clockOffset = Monitor<Int64>(0)

    package init(
        bucket: String, endpoint: S3Endpoint, http: HTTPClient, credentials: any CredentialSource,
        pace: any RequestPace = AdaptivePace(most: 8), clock: Clock = .system
    ) {
        self.bucket = bucket
        self.http = http
        source = credentials
        self.pace = pace
        self.clock = clock
        place = Monitor(endpoint)
    }

    /// A client of another bucket with the same credentials, connections and pace.
    ///
    /// - Parameters:
    ///   - bucket: the other bucket.
    ///   - region: where it is; nothing for the same one.
    /// - Returns: this client where the bucket is the same.
    package func sibling(bucket: String, region: String? = nil) -> S3Client {
        let place = endpoint
        if bucket == self.bucket, region == nil || region == place.region { return self }
        return S3Client(
            bucket: bucket, endpoint: region.map { place.moved(to: $0) } ?? place, http: http, credentials: source,
            pace: pace, clock: clock)
    }

    /// S3 Control in the bucket's region, with the same credentials and connections.
    ///
    /// - Parameters:
    ///   - account: twelve digits.
    ///   - endpoint: another place than AWS's own.
    /// - Returns: a client for that account.
    /// - Throws: `settings` for an endpoint that is none.
    package func control(account: String, endpoint: String? = nil) throws(Fault) -> S3ControlClient {
        try S3ControlClient(
            account: account, region: self.endpoint.region, endpoint: endpoint, http: http, credentials: source,
            clock: clock)
    }

    /// Where the bucket is, as far as is known by now.
    package var endpoint: S3Endpoint { place.with { $0 } }

    /// The service's time: the clock's, set right once the service has refused it.
    package var serviceTime: Timestamp { time(clockOffset.with { $0 }) }

    private func time(_ offset: Int64) -> Timestamp {
        var now = clock.now()
        now.seconds += offset
        return now
    }

    /// The name of the bucket, or of an object in it, for messages.
    package func name(_ key: ByteString? = nil) -> String { "s3://\(bucket)" + (key.map { "/\($0)" } ?? "") }

    /// The key in a name of this bucket's, as ``name(_:)`` gives it.
    package func key(ofURL url: String) -> ByteString? {
        let beginning = name() + "/"
        return url.hasPrefix(beginning) ? ByteString(String(url.dropFirst(beginning.count))) : nil
    }

    /// Makes a call that ends well.
    ///
    /// - Parameters:
    ///   - call: what is asked for.
    ///   - sink: makes the taker of the answer's body for each attempt.
    /// - Returns: the answer, whose status is a success.
    /// - Throws: the service's error as a fault that names bucket and key; `damaged` for another document than the call's;
    ///   what transport and sink throw.
    package func perform(_ call: S3Call, into sink: () -> (any HTTPSink)? = { nil }) throws(Fault) -> S3Answer {
        switch try attempt({ () throws(Fault) in (call, sink()) }) {
        case .success(let answer): return answer
        case .failure(let error): throw error.fault(name(call.key))
        }
    }

    /// Makes a call and gives the service's last word, whatever it is.
    package func attempt(_ call: S3Call) throws(Fault) -> Result<S3Answer, S3Error> {
        try attempt({ () throws(Fault) in (call, nil) })
    }

    /// Makes a call whose attempts may differ, and gives the service's last word.
    ///
    /// - Parameters:
    ///   - prepare: the call of the next attempt, and who takes its answer's body; where that is a document, an
    ///     ``XMLReader`` or nobody.
    ///   - progress: what has been reached; as long as it grows, attempts are counted anew.
    /// - Returns: the answer, or the error that remained.
    /// - Throws: what transport, source and sink throw, at last.
    package func attempt(
        _ prepare: () throws(Fault) -> (call: S3Call, sink: (any HTTPSink)?), progress: () -> Int64 = { 0 }
    ) throws(Fault) -> Result<S3Answer, S3Error> {
        // Not from the first attempt, which may have gone well for an hour before its connection was lost.
        var firstFailure: Double?
        var (attempts, reached) = (0, progress())
        var repaired: Set<ErrorClass> = []
        while true {
            let permit = try pace.admit()
            let (call, sink): (S3Call, (any HTTPSink)?)
            let signing: Signing
            do throws(Fault) { (call, sink, signing) = try prepared(prepare) } catch {
                // What was admitted ends, though nothing was sent.
                pace.ended(permit, .other)
                throw error
            }
            attempts += 1
            let outcome: Result<S3Error, Fault>
            var (failure, advice): (ErrorClass, Double?) = (.permanent, nil)
            do throws(Fault) {
                let response = try http.send(signed(call, signing), into: sink)
                let document = try document(response, call, sink as? XMLReader)
                guard let error = S3Error(response, document) else {
                    pace.ended(permit, .answered)
                    return .success(S3Answer(response: response, document: document ?? XMLElement("")))
                }
                failure = errorClass(error, response, call, signing)
                advice = response.retryAfter
                pace.ended(permit, failure.outcome(advice: advice))
                if repaired.insert(failure).inserted, repair(failure, error, response, signing) { continue }
                outcome = .success(error)
            } catch {
                // Of the network or of this machine: of the service it says nothing.
                pace.ended(permit, .other)
                if error.retry == .temporary { failure = .retry }
                outcome = .failure(error)
            }
            let now = pace.time.now()
            if progress() > reached { (attempts, reached, firstFailure) = (1, progress(), nil) }
            let began = firstFailure ?? now
            firstFailure = began
            // What could not be put right, or was and is wrong again, stays wrong.
            guard failure == .retry || failure == .throttle,
                let pause = pace.delay(after: attempts, elapsed: now - began, advice: advice)
            else {
                switch outcome {
                case .success(let error): return .failure(error)
                case .failure(let fault): throw fault.within(name(call.key))
                }
            }
            try pace.time.sleep(pause)
        }
    }

    private func prepared(_ prepare: () throws(Fault) -> (call: S3Call, sink: (any HTTPSink)?)) throws(Fault)
        -> (S3Call, (any HTTPSink)?, Signing)
    {
        let (call, sink) = try prepare()
        let credentials = try source.credentials()
        return (
            call, sink, Signing(credentials: credentials, endpoint: endpoint, clockOffset: clockOffset.with { $0 })
        )
    }

    private func signed(_ call: S3Call, _ signing: Signing) -> HTTPRequest {
        let endpoint = signing.endpoint
        var request = endpoint.request(call.method, bucket: bucket, key: call.key, query: call.query)
        request.headers = call.headers
        request.body = call.body
        request.patience = call.patience
        SigV4(region: endpoint.region, service: "s3").sign(
            &request, payload: call.payload, with: signing.credentials, at: time(signing.clockOffset))
        return request
    }

    /// The document of a success, if the call has one: that of the call, or an error.
    private func document(_ response: HTTPResponse, _ call: S3Call, _ reader: XMLReader?) throws(Fault) -> XMLElement? {
        guard response.isSuccess, !call.roots.isEmpty else { return nil }
        if call.mayLackDocument, response.body.isEmpty { return nil }
        let root: XMLElement
        do throws(Fault) {
            if let reader { root = try reader.finish() } else { root = try XMLReader.read(response.body) }
        } catch {
            guard error.code == .damaged else { throw error }
            // The connection may break after the status; then the document ends early, and nobody knows what happened.
            throw Fault(.unreachable, "the answer ends early", cause: error, retry: .temporary)
        }
        guard root.name == S3Error.root || call.roots.contains(root.name) else {
            let wanted = call.roots.sorted().joined(separator: " or ")
            throw Fault(
                .damaged, "the answer is a document '\(ByteString(root.name))', not \(wanted)",
                hint: "Check that nothing but the store answers at the vault's endpoint.")
        }
        return root
    }
}
