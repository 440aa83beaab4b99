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
}
