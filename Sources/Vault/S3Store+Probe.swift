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
        let known: Bool? = refusal.wait { state -> Bool?? in
            switch state {
            case .known(let refuses): return .some(refuses)
            case .asking: return nil
            case .unknown:
                state = .asking
                return .some(nil)
            }
        }
        if let known { return known }
        do throws(Fault) {
            let refuses = try probedRefusal()
            refusal.change { $0 = refuses.map { .known($0) } ?? .unknown }
            // Not known, so everything is compared here.
            return refuses ?? false
        } catch {
            refusal.change { $0 = .unknown }
            throw error
        }
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

    var probeKey: ByteString { prefix + Self.probeName }

    /// What an upload that is only begun to learn something gets: a bucket may refuse whatever is not encrypted as it
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
