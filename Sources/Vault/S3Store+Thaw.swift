package import AWS
import HTTP
import Ledger
package import Platform

/// Objects in the classes that must be asked for before they can be read.
extension S3Store {
    /// The classes of S3 whose objects can't be read as they are.
    static let archiveClasses: Set = ["GLACIER", "DEEP_ARCHIVE"]

    /// What HEAD tells of whether an object can be read.
    ///
    /// Another server than S3 may call a class by the name of one of these and read it at once: one byte of the first such
    /// object tells.
    func readability(_ info: S3ObjectInfo, _ key: ObjectKey) throws(Fault) -> Readability {
        try readability(info, at: full(key), in: client)
    }

    /// The same of any object on this server.
    package func readability(_ info: S3ObjectInfo, at place: ByteString, in client: S3Client) throws(Fault)
        -> Readability
    {
        guard Self.archiveClasses.contains(info.storageClass) || info.archiveStatus != nil else { return .readable }
        if let restore = info.restore { return Self.readability(restore, now: options.clock.now()) }
        if info.archiveStatus == nil, try isOpen(info.storageClass, place, info, client) { return .readable }
        return .archived
    }

    /// Reads `x-amz-restore`: `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
    static func readability(_ restore: String, now: Timestamp) -> Readability {
        if restore.contains("ongoing-request=\"true\"") { return .thawing }
        guard let mark = restore.firstRange(of: "expiry-date=\"") else { return .thawed(until: nil) }
        let text = restore[mark.upperBound...].prefix { $0 != "\"" }
        guard let until = HTTPDate.parse(String(text)) else { return .thawed(until: nil) }
        return until <= now ? .archived : .thawed(until: until)
    }

    /// Whoever may not read it can't tell, and takes it for archived.
    private func isOpen(
        _ storageClass: String, _ place: ByteString, _ info: S3ObjectInfo, _ client: S3Client
    ) throws(Fault) -> Bool {
        if let known = openClasses.with({ $0[storageClass] }) { return known }
        guard info.size > 0 else { return true }
        do throws(Fault) { try client.get(place, 0..<1) { _ in } } catch {
            if error.code == .interrupted { throw error }
            if error.code == .tryLater { openClasses.with { $0[storageClass] = false } }
            return false
        }
        openClasses.with { $0[storageClass] = true }
        return true
    }

    package func thaw(_ key: ObjectKey, _ request: ThawRequest) throws(Fault) -> ThawAnswer {
        guard let info = try client.head(full(key)) else { throw missing(key) }
        let storageClass = info.archiveStatus ?? info.storageClass
        guard request.tier.longest(from: storageClass) != nil else {
            throw Fault(
                .usage, "\(name(key)): is in \(storageClass), which has no tier '\(request.tier.rawValue)'",
                hint: "Use --tier standard or --tier bulk.")
        }
        let days = info.archiveStatus == nil ? request.days : nil
        switch try client.restore(full(key), days: days, tier: request.tier.word) {
        case .requested: return .requested
        case .available: return .available
        case .underWay: return .underWay
        case .notNeeded: return .notNeeded
        }
    }
}
