import Codec
package import Platform

/// Says which uploads that were never ended are our own and stale: those alone are aborted.
///
/// The parts of an upload are billed until it is completed or aborted, and no listing of objects shows them.
package struct UploadSweep: Sendable {
    /// What the parts journals on staging tell of an upload.
    package enum Journal: Sendable, Hashable {
        /// None names it.
        case none
        /// One names it, and the run is being shipped now.
        case alive
        /// One names it, and the next attempt would go on with it.
        case waiting
        /// One names it, and the archive has been shipped without it.
        case superseded
    }

    package enum Verdict: Sendable, Equatable {
        case stale(String)
        case kept(String)
    }

    private let layout: VaultLayout
    private let copiesObjects: Bool
    /// Seconds.
    private let olderThan: Int64
    private let now: Timestamp

    /// A sweep.
    ///
    /// - Parameters:
    ///   - layout: of the job.
    ///   - copiesObjects: true for a job of kind `warehouse`, whose uploads are copies in parts.
    ///   - olderThan: how many seconds an upload must be old that staging knows nothing of, or would go on with.
    ///   - now: the moment from which ages count.
    package init(_ layout: VaultLayout, copiesObjects: Bool = false, olderThan: Int64, now: Timestamp) {
        self.layout = layout
        self.copiesObjects = copiesObjects
        self.olderThan = olderThan
        self.now = now
    }

    /// Whether who may be the owner has to be known for the verdict.
    package func needsOwner(_ upload: OpenUpload, _ journal: Journal) -> Bool {
        journal == .none && isOurKey(upload.key) && isOld(upload)
    }

    /// Judges an upload.
    ///
    /// - Parameters:
    ///   - upload: as the store lists it.
    ///   - journal: what staging knows of it.
    ///   - owner: whom the store names for what we begin; nothing where it names nobody.
    /// - Returns: whether it may be aborted, and why.
    package func verdict(_ upload: OpenUpload, _ journal: Journal, owner: String?) -> Verdict {
        switch journal {
        case .alive: return .kept("is being uploaded now")
        case .superseded:
            return .stale(
                copiesObjects ? "its database was shipped without it" : "its archive was shipped without it")
        case .waiting:
            return isOld(upload)
                ? .stale("nobody went on with it") : .kept("the next 'ship \(layout.job)' goes on with it")
        case .none: break
        }
        guard isOurKey(upload.key) else { return .kept("is no upload of this job") }
        guard upload.initiated != nil else { return .kept("has no date") }
        guard isOld(upload) else { return .kept("is too young, and staging knows nothing of it") }
        guard let owner, let initiator = upload.initiator else { return .kept("the store does not tell who began it") }
        guard Self.principal(initiator) == Self.principal(owner) else { return .kept("was begun by \(initiator)") }
        return .stale("staging knows nothing of it")
    }

    /// Whether this job puts such an object in parts: archives alone are large enough, and the probe of every job.
    private func isOurKey(_ key: ByteString) -> Bool {
        if key == S3Store.probeName { return true }
        // Where the copies of a run lie, and the lists of their jobs: `DestinationKeys`, `BatchPlaces`.
        if copiesObjects {
            return ["data", "run", "long", "_batch"].contains { key.hasPrefix(ByteString("\(layout.job)/\($0)/")) }
        }
        guard let key = try? ObjectKey(bytes: key), let codec = MemberCodec(ofName: key.description),
            !key.description.hasPrefix("\(layout.job)/_")
        else { return false }
        return !layout.bases(ofArchive: key, suffix: codec.suffix).isEmpty
    }

    private func isOld(_ upload: OpenUpload) -> Bool {
        guard let initiated = upload.initiated else { return false }
        return now.since(initiated) > Double(olderThan)
    }

    /// The name without that of the session, which is another one each time (`arn:aws:sts::1:assumed-role/ship/SESSION`).
    private static func principal(_ name: String) -> Substring {
        guard name.contains(":assumed-role/"), let slash = name.lastIndex(of: "/") else { return name[...] }
        return name[..<slash]
    }
}
