package import Platform
package import Testing

/// The fault that `body` ends with, or nothing when it ends well.
///
/// For `#expect`, whose own closures are not used: Swift 6.3 gives a closure in it and one of the same type beside it the
/// same symbol, so that one of the two silently runs instead of the other.
package func fault<R>(_ body: () throws -> R) -> Fault? {
    do {
        _ = try body()
        return nil
    } catch {
        return .wrapping(error)
    }
}

/// As ``fault(_:)``, for what waits without blocking.
package func fault<R>(of body: () async throws -> R) async -> Fault? {
    do {
        _ = try await body()
        return nil
    } catch {
        return .wrapping(error)
    }
}

/// Expects that `body` ends with a fault of `code` whose message has `words` in it.
///
/// - Parameters:
///   - code: what the fault says it is.
///   - words: a piece of its message.
///   - about: which of several cases this is.
///   - sourceLocation: where it was expected.
///   - body: what must not end well.
/// - Returns: the fault.
/// - Throws: when `body` ends well, so that the test ends, too.
@discardableResult
package func expectFault<R>(
    _ code: Fault.Code, _ words: String = "", about: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> R
) throws -> Fault {
    let thrown = fault(body)
    let fault = try #require(thrown, "\(about) no fault was thrown", sourceLocation: sourceLocation)
    let isExpected = fault.code == code && (words.isEmpty || fault.message.contains(words))
    #expect(isExpected, "\(about) \(fault)", sourceLocation: sourceLocation)
    return fault
}

/// Expects that `body` ends well.
package func expectNoFault<R>(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> R) {
    let fault = fault(body)
    #expect(fault == nil, sourceLocation: sourceLocation)
}
