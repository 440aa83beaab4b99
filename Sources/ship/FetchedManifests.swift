import Codec
import Ledger
import Platform
import Vault

/// Manifests that are fetched several at once and given one after the other, in their order: from a bucket nearly all of it
/// is waiting for answers.
enum FetchedManifests {
    /// Requests under way; twice as many manifests wait in files without names.
    private static let atOnce = 8

    /// Calls `body` with each of some manifests.
    ///
    /// - Parameters:
    ///   - keys: of the manifests.
    ///   - store: the vault; from a directory they are read as they lie there.
    ///   - scratch: a local directory for files without names.
    ///   - body: gets the number of a key, and the manifest.
    /// - Throws: the fault of the first manifest that can't be fetched; what `body` throws.
    static func forEach(
        _ keys: [ObjectKey], in store: any ObjectStore, scratch: String,
        _ body: (Int, any RangedSource) throws(Fault) -> Void
    ) throws(Fault) {
        guard keys.count > 1, !(store is FileStore) else {
            for (index, key) in keys.enumerated() { try body(index, try store.open(key)) }
            return
        }
        let directory = try Directory.open(scratch)
        let window = OrderedWindow<Result<FileSource, Fault>>(capacity: 2 * atOnce)
        let crew = ThreadCrew(onFault: { window.cancel() })
        defer {
            window.cancel()
            try? crew.join()
        }
        for _ in 0..<min(atOnce, keys.count) {
            try crew.start("manifests") {
                while let number = window.admit(), number < keys.count {
                    try Shutdown.check()
                    let result: Result<FileSource, Fault>
                    do throws(Fault) {
                        result = .success(try store.open(keys[number]).copied(to: directory).file)
                    } catch {
                        result = .failure(error)
                    }
                    window.deliver(result, for: number)
                }
            }
        }
        for index in keys.indices {
            guard let result = window.take() else {
                try crew.join()
                throw Fault(.interrupted, "reading manifests was ended")
            }
            try body(index, try result.get())
        }
    }
}
