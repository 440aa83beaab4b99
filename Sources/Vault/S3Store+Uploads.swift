import AWS
package import Platform

extension S3Store {
    /// Below the vault's prefix: uploads that are begun there are aborted at once, and the empty object that may lie there is
    /// none of the vault's.
    static let probeName = ByteString("_coldchain-probe")

    /// The uploads below the vault's prefix that were begun and not ended.
    package func openUploads() throws(Fault) -> [OpenUpload] {
        var uploads: [OpenUpload] = []
        try client.uploads(prefix: prefix) { upload throws(Fault) in
            uploads.append(
                OpenUpload(
                    key: ByteString(upload.key.bytes.dropFirst(prefix.count)), id: upload.id,
                    initiated: upload.initiated, initiator: upload.initiator))
        }
        return uploads
    }

    /// Whom the store names for an upload that we begin; nothing where it names nobody.
    ///
    /// It is asked by an upload that is aborted at once: no name of ours is the same in every kind of credentials.
    package func ownInitiator() throws(Fault) -> String? {
        let key = probeKey
        let id = try client.createUpload(key, probe, sendsChecksums: false)
        var initiator: String?
        do throws(Fault) {
            try client.uploads(prefix: key) { upload throws(Fault) in
                if upload.id == id { initiator = upload.initiator }
            }
        } catch {
            try? client.abortUpload(key, upload: id)
            throw error
        }
        try client.abortUpload(key, upload: id)
        return initiator
    }

    /// Aborts an upload that nobody will go on with; one that is gone already is no error.
    ///
    /// - Throws: what kept it from being aborted; nothing where the store does not let us, since its lifecycle ends what
    ///   stays open.
    func abandon(_ key: ByteString, _ id: String) throws(Fault) {
        do { try client.abortUpload(key, upload: id) } catch {
            guard [.permission, .unsupported, .notFound].contains(error.code) else { throw error }
        }
    }

    /// Aborts what a journal still names, unless that is what `info` is of, and forgets it.
    func settle(_ journal: (any PartsJournal)?, _ info: S3ObjectInfo) throws(Fault) {
        guard let journal, let upload = try journal.load()?.upload else { return }
        if !upload.id.isEmpty, info.metadata[Self.markName] != upload.mark,
            let key = client.key(ofURL: upload.object)
        {
            try abandon(key, upload.id)
        }
        try journal.end()
    }

    /// Aborts an upload; one that is gone already is no error.
    package func abort(_ upload: OpenUpload) throws(Fault) {
        try client.abortUpload(prefix + upload.key, upload: upload.id)
    }
}
