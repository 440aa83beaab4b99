package import Codec
package import Platform

/// The memory of an upload in parts that outlives its process.
///
/// It is written before the store is asked to begin an upload, so that none is ever left behind unknown, and after a part
/// has arrived, before anything relies on it: a kill loses at most the parts in flight.
package protocol PartsJournal: Sendable {
    /// The upload that was begun and is not known to be over, or nothing.
    func load() throws(Fault) -> PartsRecord?
    /// Begins anew, whatever was there.
    func begin(_ upload: PartsRecord.Upload) throws(Fault)
    /// Adds a part that has arrived; called by one thread at a time.
    func add(_ part: PartsRecord.Part) throws(Fault)
    /// Forgets the upload, which is complete or aborted.
    func end() throws(Fault)
}

/// What a journal says of an upload.
package struct PartsRecord: Sendable, Equatable {
    package struct Upload: Sendable, Equatable, Codable {
        /// Of the store; empty before the store has been asked to begin the upload.
        package var id: String
        /// The object's URL.
        package var object: String
        /// A random mark that the object carries in its metadata, by which it is known for this upload's.
        package var mark: String
        package var size: Int64
        package var sha256: Digest256
        package var partSize: Int64
        /// Seconds of the epoch, by the clock here, when the store was about to be asked.
        package var began: Int64?
        /// Class, encryption and lock with which it was begun, in the store's own words.
        package var settings: String?

        package init(
            id: String, object: String, mark: String, size: Int64, sha256: Digest256, partSize: Int64,
            began: Int64? = nil, settings: String? = nil
        ) {
            self.id = id
            self.began = began
            self.settings = settings
            self.object = object
            self.mark = mark
            self.size = size
            self.sha256 = sha256
            self.partSize = partSize
        }
    }

    package struct Part: Sendable, Equatable, Codable {
        /// From 1.
        package var number: Int
        package var etag: String

        package init(number: Int, etag: String) {
            self.number = number
            self.etag = etag
        }
    }

    package var upload: Upload
    package var parts: [Part]

    package init(upload: Upload, parts: [Part] = []) {
        self.upload = upload
        self.parts = parts
    }
}
