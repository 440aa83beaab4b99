import HTTP
package import Platform

extension S3Client {
    /// What RestoreObject answers; each of them is progress.
    package enum RestoreAnswer: Sendable, Equatable {
        /// 202: the copy will be there in hours.
        case requested
        /// 200: a copy is there already; its days were set anew.
        case available
        /// 409: somebody asked before.
        case underWay
        /// The class can be read without a restore.
        case notNeeded
    }

    /// RestoreObject: asks for a readable copy for some days.
    ///
    /// - Parameters:
    ///   - key: the object.
    ///   - version: one version of it.
    ///   - days: how long the copy stays; nothing for an object of Intelligent-Tiering, which moves back itself.
    ///   - tier: `Bulk`, `Standard` or `Expedited`; the last is not for Deep Archive.
    /// - Returns: how far the restore is.
    /// - Throws: the service's error.
    package func restore(_ key: ByteString, version: String? = nil, days: Int?, tier: String) throws(Fault)
        -> RestoreAnswer
    {
        var call = S3Call(.post, key, query: [.init("restore")] + Self.query(version: version))
        call.setDocument(
            XMLElement(
                "RestoreRequest", "",
                (days.map { [XMLElement("Days", "\($0)")] } ?? [])
                    + [XMLElement("GlacierJobParameters", "", [XMLElement("Tier", tier)])]))
        switch try attempt(call) {
        case .success(let answer): return answer.response.status == 202 ? .requested : .available
        case .failure(let error) where error.code == "RestoreAlreadyInProgress": return .underWay
        // The same word as for an object that can't be read yet.
        case .failure(let error) where error.code == "InvalidObjectState": return .notNeeded
        case .failure(let error): throw error.fault(name(key))
        }
    }
}
