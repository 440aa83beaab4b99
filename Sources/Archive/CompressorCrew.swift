import Codec
package import Platform

/// The compressing threads that all archives in progress share, and the pool of blocks that bounds their memory.
package final class CompressorCrew: Sendable {
    /// A block with the archive that waits for it.
    struct Job: Sendable {
        let block: Handed<Block>
        let deliver: @Sendable (Handed<Block>) -> Void
    }

    let pool: Pool<Handed<Block>>
    private let queue: BoundedQueue<Job>
    private let crew = ThreadCrew()

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - workers: compressing threads; one at the least is started.
    ///   - archives: how many archives are written at once; each fills one block of its own.
    /// - Throws: `limit` when the system has no thread left.
    package init(workers: Int, archives: Int) throws(Fault) {
        // One block in work and one waiting for each worker, one being filled for each archive. More would only push the
        // blocks out of the processor's cache before they are compressed.
        let limit = workers + archives + 1
        pool = Pool(limit: limit) { Handed(Block()) }
        queue = BoundedQueue(capacity: limit)
        for number in 0..<max(1, workers) {
            try crew.start("compress-\(number)") { [queue] in
                var compressors: [Compression: any MemberCompressor] = [:]
                while let job = queue.pop() {
                    let block = job.block.value
                    do {
                        let (codec, level) = (block.compression.codec, block.compression.level)
                        let compressor = try compressors[block.compression] ?? codec.compressor(level: level)
                        compressors[block.compression] = compressor
                        block.output.count = try compressor.compress(block.input.contents, into: block.output.bytes)
                    } catch {
                        block.fault = .wrapping(error)
                    }
                    job.deliver(job.block)
                }
            }
        }
    }

    func submit(_ job: Job) { queue.push(job) }

    /// Ends the threads once the queue is empty.
    package func finish() throws(Fault) {
        queue.close()
        try crew.join()
    }
}
