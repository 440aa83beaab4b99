package import Platform

extension ObjectStore {
    /// What the store says of some objects, several asked for at once.
    ///
    /// - Parameters:
    ///   - keys: of objects that something names.
    ///   - atOnce: requests under way.
    /// - Returns: for each key what ``head(_:)`` gives, or why it can't be told; `notFound` for one that is not there.
    /// - Throws: `interrupted` after a signal; `limit` when the system has no thread left.
    package func heads(of keys: [ObjectKey], atOnce: Int = 16) throws(Fault) -> [ObjectKey: Result<ObjectHead, Fault>] {
        let found = Monitor<[ObjectKey: Result<ObjectHead, Fault>]>([:])
        try ThreadCrew.each(keys, atOnce: atOnce, "head") { key throws(Fault) in
            let result: Result<ObjectHead, Fault>
            do throws(Fault) {
                guard let head = try head(key) else {
                    throw Fault(.notFound, "\(description)/\(key): is not in the vault")
                }
                result = .success(head)
            } catch {
                if error.code == .interrupted { throw error }
                result = .failure(error)
            }
            found.with { $0[key] = result }
        }
        return found.with { $0 }
    }
}
