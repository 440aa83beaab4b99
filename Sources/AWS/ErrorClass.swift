import Platform

/// What an error answer asks for.
package enum ErrorClass: Sendable, Hashable {
    /// The same request gives the same answer.
    case permanent
    /// The service failed this time.
    case retry
    /// The service wants fewer requests.
    case throttle
    /// The clock here is too far from the service's.
    case clockSkew
    /// The credentials have expired or are not known any more.
    case credentials
    /// The bucket is elsewhere.
    case redirect

    /// What a request that ended so tells of how busy the service is; `advice` is `Retry-After` in seconds.
    func outcome(advice: Double?) -> AdaptiveLimit.Outcome {
        switch self {
        case .permanent, .clockSkew, .credentials, .redirect: .answered
        case .throttle: .throttled(retryAfter: advice)
        case .retry: .other
        }
    }

    /// What is said of trying again once the attempts here are used up.
    ///
    /// A redirect that could not be followed stays what it is.
    var retry: Fault.Retry {
        switch self {
        case .permanent, .redirect: .permanent
        case .retry: .temporary
        case .throttle: .throttle
        case .clockSkew: .clock
        case .credentials: .credentials
        }
    }
}
