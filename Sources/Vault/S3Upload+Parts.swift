import AWS
import Codec
import Ledger
import Platform

/// The parts of an upload: read, sent and noted, several at once.
extension S3Upload {
    func range(_ number: Int) -> Range<Int64> {
        let start = Int64(number - 1) * parts.partSize
        return start..<min(start + parts.partSize, expected.size)
    }

    func checksum(_ number: Int) -> String? {
        store.options.sendsChecksums ? Base64.encode(parts.digests[number - 1].bytes) : nil
    }

    func send(_ upload: PartsRecord.Upload) throws(Fault) {
        // Asked once, before the threads would all ask.
        _ = try store.refusesWrongDigests()
        let crew = ThreadCrew(onFault: { [state] in state.with { $0.hasFailed = true } })
        let threads = min(max(1, store.options.uploads), state.with { $0.open.count })
        for _ in 0..<threads {
            do throws(Fault) { try crew.start("upload") { try self.work(upload) } } catch {
                crew.failed(error)
                break
            }
        }
        try crew.join()
    }

    private func work(_ upload: PartsRecord.Upload) throws(Fault) {
        while let number = state.with({ $0.hasFailed ? nil : $0.open.popLast() }) {
            let part = try store.withSlot { () throws(Fault) in try send(number, upload) }
            var failure: Fault?
            state.with { state in
                state.done[number] = part
                // Under the lock: lines must not mix.
                do throws(Fault) { try journal?.add(.init(number: number, etag: part.etag)) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    private func send(_ number: Int, _ upload: PartsRecord.Upload) throws(Fault) -> S3Client.Part {
        let range = range(number)
        let digest = parts.digests[number - 1]
        let name = "\(source.name): part \(number) of \(parts.digests.count)"
        let slice = try store.slice(source, range) { () throws(Fault) in
            try ContentCheck(ExpectedContent(size: range.count64, sha256: digest), of: name)
        }
        for _ in 1...S3Store.sendings {
            let outcome: Result<S3Client.Part, S3Error>
            do throws(Fault) {
                outcome = try client.uploadPart(
                    fullKey, upload: upload.id, number: number, slice.body, digest: digest,
                    sendsChecksum: store.options.sendsChecksums)
            } catch {
                // What the source throws names the part itself.
                throw error.code == .unreachable ? error.within("part \(number) of \(parts.digests.count)") : error
            }
            switch outcome {
            case .success(let part): return part
            case .failure(let error) where error.isDigestMismatch: try slice.examined()
            case .failure(let error) where error.isUploadGone:
                // Somebody aborted it: nothing of it is left, and the next attempt begins anew.
                try? journal?.end()
                throw error.fault("\(store.name(key)): part \(number)")
            case .failure(let error): throw error.fault("\(store.name(key)): part \(number)")
            }
        }
        throw store.changedOnTheWay("\(store.name(key)): \(name)")
    }
}

extension Range<Int64> {
    /// The number of bytes in the range.
    var count64: Int64 { upperBound - lowerBound }
}
