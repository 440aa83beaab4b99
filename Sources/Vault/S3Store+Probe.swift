import AWS
import Codec
import HTTP
package import Platform

/// What is asked of the store itself: whether it answers, may be written into, and refuses what is wrong.
extension S3Store {
    /// Whether the store refuses bytes that differ from the digest that is signed with them.
    ///
    /// AWS does, and so does Ceph. Another server is asked once, by a part of one byte with the digest of another one, in an
    /// upload that is aborted.
    func refusesWrongDigests() throws(Fault) -> Bool {
        if let known = options.refusesWrongDigests { return known }
        if client.endpoint.isAWS { return true }
        // Not known, so everything is compared here.
        return try digestRefusal.value { () throws(Fault) in try probedRefusal() } ?? false
    }

    /// Sends a part with a wrong digest; nothing when the upload was taken away each time.
    private func probedRefusal() throws(Fault) -> Bool? {
        for _ in 1...Self.probes {
            let outcome = try withProbe { upload throws(Fault) in
                try client.uploadPart(
                    probeKey, upload: upload, number: 1, .bytes([0]), digest: SHA256Hasher.digest(of: [1]),
                    sendsChecksum: false)
            }
            let refuses: Bool
            switch outcome {
            case .success: refuses = false
            case .failure(let error) where error.isDigestMismatch: refuses = true
            // Another process took it for one that was left behind.
            case .failure(let error) where error.isUploadGone: continue
            case .failure(let error): throw error.fault(client.name(probeKey))
            }
            return refuses
        }
        return nil
    }

    private static let probes = 5

    /// Objects that are asked for before they are written, until it is worth finding out whether that is needed.
    private static let worthAsking: Int64 = 10

    /// Whether the store refuses to write under a key that is taken (`If-None-Match: *`), so that nobody has to ask for the
    /// object beforehand.
    ///
    /// AWS does ("Conditional writes", S3 user guide), and Ceph in a bucket without versions. A store other than AWS is tried
    /// once several objects have been written: on an object of ours that stays, since only where something is can tell.
    ///
    /// - Throws: `interrupted` after a signal; whatever else keeps it from being found out means that it is not known.
    func refusesTakenKeys() throws(Fault) -> Bool {
        if let known = options.refusesTakenKeys { return known }
        if client.endpoint.isAWS { return true }
        lookups.add(1)
        guard lookups.value > Self.worthAsking else { return false }
        return try takenRefusal.value { () throws(Fault) in
            do throws(Fault) { return try probedTaken() } catch {
                if error.code == .interrupted { throw error }
                return false
            }
        } ?? false
    }

    /// User metadata of the object on which it was tried: this store writes over what is there.
    private static let overwritesName = "coldchain-overwrites"

    /// Writes under the probe's key where it is taken.
    ///
    /// A store that lets us has it marked then, so that no later process tries it again: where versions are kept, each try
    /// would leave one.
    private func probedTaken() throws(Fault) -> Bool {
        let there = try client.head(probeKey)
        if there?.metadata[Self.overwritesName] != nil { return false }
        var object = probe
        object.isExclusive = true
        if there == nil, case .failure(let error) = try putProbe(object), error.status != 412 { return false }
        object.metadata[Self.overwritesName] = "true"
        guard case .failure(let error) = try putProbe(object) else { return false }
        return error.status == 412
    }

    private func putProbe(_ object: S3NewObject) throws(Fault) -> Result<S3Client.Written, S3Error> {
        try client.put(
            probeKey, .bytes([]), digest: SHA256Hasher.digest(of: []), object, sendsChecksum: options.sendsChecksums)
    }

    var probeKey: ByteString { prefix + Self.probeName }

    /// What is begun or written only to learn something gets: a bucket may refuse whatever is not encrypted as it
    /// wants.
    var probe: S3NewObject {
        var object = S3NewObject()
        object.encryption = options.encryption
        return object
    }

    /// Runs `body` with an upload that is aborted then, as are those that killed processes have left behind.
    private func withProbe<R>(_ body: (String) throws(Fault) -> R) throws(Fault) -> R {
        let upload = try client.createUpload(probeKey, probe, sendsChecksums: false)
        let result: R
        do throws(Fault) { result = try body(upload) } catch {
            try? client.abortUpload(probeKey, upload: upload)
            throw error
        }
        try client.abortUpload(probeKey, upload: upload)
        // A store that doesn't let us list uploads ends them by its lifecycle rule.
        try? client.abortUploads(of: probeKey)
        return result
    }

    /// Asks the store for an object that is never there: only that it answers, and lets us ask.
    ///
    /// - Throws: `unreachable` when nothing answers; `permission` without credentials, or with some that are refused: every
    ///   archive is asked for before it is sent.
    package func checkReachable() throws(Fault) {
        do { _ = try client.head(probeKey) } catch {
            if [.unreachable, .permission, .interrupted, .settings].contains(error.code) { throw error }
        }
    }

    /// Begins an upload and aborts it: that the bucket is there, and may be written into, without leaving anything.
    package func checkWritable() throws(Fault) {
        try withProbe { _ in }
    }
}
