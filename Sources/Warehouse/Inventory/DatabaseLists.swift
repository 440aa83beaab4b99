package import Codec
import Ledger
package import Platform
package import Settings

/// Splits the objects of inventories by database: one entry list for each, sorted by key.
package struct DatabaseLists {
    /// What a database has.
    package struct Database: Sendable {
        /// As the keys have it.
        package var name: ByteString
        /// The name of the unit.
        package var unit: String
        package var objects: Int64 = 0
        package var bytes: Int64 = 0
        /// By storage class.
        package var classes: [String: (objects: Int64, bytes: Int64)] = [:]
        /// Digest and size of the list, where one was written.
        package var list: (digest: Digest256, size: Int64)?
        /// Why there is none though there should be.
        package var fault: Fault?
    }

    package private(set) var databases: [Database] = []
    /// Objects of databases that the settings don't want.
    package private(set) var excluded: Int64 = 0
    /// Objects of no database.
    package private(set) var outside: Int64 = 0

    /// The name of a list on staging.
    package static func fileName(unit: String) -> String { "\(unit).entries.tsv.gz" }

    /// What follows the class of an object that lies in an archive tier of it.
    package static let archivedSuffix = ":ARCHIVE"

    /// A file name has at most 255 bytes; what is put around a unit's is shorter than this.
    private static let longestUnit = 200

    /// Goes through all objects.
    ///
    /// - Parameters:
    ///   - objects: in key order.
    ///   - settings: which databases there are, and which are wanted.
    ///   - directory: where the lists are written; nothing to count alone.
    ///   - isWanted: whether a unit's list is written.
    /// - Throws: what reading `objects` throws; a list that can't be written is told by its database.
    package init(
        _ objects: InventoryObjects, _ settings: WarehouseSettings, into directory: Directory?,
        isWanted: (String) -> Bool
    ) throws(Fault) {
        var prefix: [UInt8] = []
        var current: Current?
        var state = State.none
        var count = 0
        while let object = try objects.next() {
            count += 1
            if count & 0xFFFF == 0 { try Shutdown.check() }
            let key = object.key
            // Objects of one database follow each other, since their keys begin alike.
            if state == .none || !key.starts(with: prefix) {
                if let done = current { databases.append(done.finish()) }
                (current, state) = (nil, .none)
                guard let range = settings.prefix.name(in: key) else {
                    outside += 1
                    continue
                }
                let name = ByteString(UnsafeRawBufferPointer(rebasing: key[range]))
                prefix = settings.prefix.prefix(of: name).bytes
                state = settings.selects(name) ? .wanted : .excluded
                if state == .wanted {
                    let unit = PathEscape.escape(name)
                    current = Current(
                        Database(name: name, unit: unit), directory: isWanted(unit) ? directory : nil)
                }
            }
            if state == .excluded { excluded += 1 }
            current?.add(object)
        }
        if let done = current { databases.append(done.finish()) }
    }

    private enum State { case none, wanted, excluded }

    /// The database whose objects come now.
    private final class Current {
        private var database: Database
        private var lastClass: [UInt8] = []
        private var last: (objects: Int64, bytes: Int64) = (0, 0)
        private var pending: PendingFile?
        private var gzip: GzipWriter?
        private var row = RowWriter()

        init(_ database: Database, directory: Directory?) {
            self.database = database
            guard let directory else { return }
            do throws(Fault) {
                guard database.unit.utf8.count <= DatabaseLists.longestUnit else {
                    throw Fault(
                        .limit, "the name of database '\(database.name)' is too long for a file's",
                        hint: "Leave it out with 'exclude', or choose another 'prefix'.")
                }
                let pending = try PendingFile(ByteString(DatabaseLists.fileName(unit: database.unit)), in: directory)
                self.pending = pending
                gzip = try GzipWriter(pending.file, level: 1)
                for column in EntryList.columns { row.field(column) }
                row.endRow()
            } catch { fail(error) }
        }

        private func fail(_ fault: Fault) {
            database.fault = fault
            (pending, gzip) = (nil, nil)
        }

        func add(_ object: ObjectRecord) {
            database.objects += 1
            database.bytes += object.size
            let storageClass = object.storageClass
            if !storageClass.elementsEqual(lastClass) || object.isArchived != lastArchived {
                endClass()
                lastClass = Array(storageClass)
                lastArchived = object.isArchived
                last = (0, 0)
            }
            last.objects += 1
            last.bytes += object.size
            guard let gzip else { return }
            EntryList.writeObject(
                key: object.key, size: object.size, modified: object.modified, tenant: database.unit, etag: object.etag,
                version: object.version, storageClass: storageClass,
                suffix: object.isArchived ? DatabaseLists.archivedSuffix : "", to: &row)
            guard row.bytes.count >= 64 << 10 else { return }
            do { try gzip.write(&row) } catch { fail(error) }
        }

        private var lastArchived = false

        private func endClass() {
            guard last.objects > 0 else { return }
            let name =
                String(decoding: lastClass, as: UTF8.self) + (lastArchived ? DatabaseLists.archivedSuffix : "")
            let sum = database.classes[name] ?? (0, 0)
            database.classes[name] = (sum.objects + last.objects, sum.bytes + last.bytes)
        }

        func finish() -> Database {
            endClass()
            last = (0, 0)
            guard let gzip, let pending else { return database }
            do throws(Fault) {
                try gzip.write(&row)
                let digest = try gzip.finish()
                try pending.commit()
                database.list = (digest, gzip.written)
            } catch { fail(error) }
            return database
        }
    }
}
