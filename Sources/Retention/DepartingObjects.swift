import AWS
import Ledger
import Platform
import Vault
import Warehouse

/// What can be asked of things that are on their way out of a vault, and done to them, whatever they are.
struct DepartingObjects {
    let vault: OpenVault
    let layout: VaultLayout

    /// - Throws: `unsupported` for a vault that is no bucket.
    func bucket() throws(Fault) -> S3Store {
        guard let store = vault.store as? S3Store else {
            throw Fault(.unsupported, "vault '\(vault.name)' is no bucket, and has no objects of a warehouse")
        }
        return store
    }

    /// The key of a warehouse's object in its bucket.
    private func place(_ name: String, _ store: S3Store) throws(Fault) -> ByteString {
        store.prefix + (try Departure.object(named: name))
    }

    /// An archive or a manifest with what lies beside it, or a list, in the order in which they go.
    func group(_ name: String, _ kind: Departure.Kind) throws(Fault) -> [ObjectKey] {
        let key = try ObjectKey(name)
        switch kind {
        case .archive: return layout.group(ofArchive: key)
        case .manifest: return layout.group(ofManifest: key)
        case .list, .object, .snapshot: return [key]
        }
    }

    /// Whether it is there; only a clear "not there" gives false.
    func isThere(_ name: String, _ kind: Departure.Kind) throws(Fault) -> Bool {
        switch kind {
        case .archive, .manifest, .list: return try vault.store.head(try ObjectKey(name)) != nil
        case .object:
            let store = try bucket()
            return try store.client.head(place(name, store)) != nil
        case .snapshot:
            return try SnapshotBucket.hasObjects(try bucket().client.sibling(bucket: Departure.bucket(named: name)))
        }
    }

    /// What the store says of its locks; nothing where it is not there, or has locks of its own.
    func standing(_ name: String, _ kind: Departure.Kind) throws(Fault) -> ObjectStanding? {
        switch kind {
        case .archive, .manifest, .list: return try vault.store.standing(try ObjectKey(name))
        case .object:
            let store = try bucket()
            return try store.standing(at: place(name, store))
        case .snapshot: return nil
        }
    }

    /// Since when it is marked for deletion; nothing for one that is not, or is not there.
    ///
    /// - Throws: the fault of the store.
    func retirement(_ name: String, _ kind: Departure.Kind) throws(Fault) -> Retirement? {
        switch kind {
        case .archive, .manifest, .list: return try vault.store.retirement(try ObjectKey(name))
        case .object:
            let store = try bucket()
            return try store.retirement(at: place(name, store))
        case .snapshot: return nil
        }
    }

    /// Marks it for deletion.
    ///
    /// - Parameters:
    ///   - name: of what goes.
    ///   - kind: what it is.
    ///   - mark: since when.
    ///   - grace: days in which it can be taken back after the store has hidden it.
    ///   - onStep: called before each change.
    /// - Throws: the fault of the store.
    func retire(
        _ name: String, _ kind: Departure.Kind, _ mark: Retirement, grace: Int,
        onStep: (_ step: String) throws(Fault) -> Void
    ) throws(Fault) {
        switch kind {
        case .archive, .manifest, .list:
            for key in try group(name, kind) {
                try onStep("mark")
                _ = try vault.store.retire(key, mark)
            }
        case .object:
            try onStep("mark")
            let store = try bucket()
            _ = try store.retire(at: place(name, store), mark)
        case .snapshot:
            try onStep("mark")
            let client = try bucket().client.sibling(bucket: Departure.bucket(named: name))
            guard try client.bucketExists() else { return }
            try SnapshotBucket.retire(client, mark, grace: grace)
        }
    }

    /// Takes its mark off, and brings it back.
    func takeBack(
        _ name: String, _ kind: Departure.Kind, onStep: (_ step: String) throws(Fault) -> Void
    ) throws(Fault) -> TakenBack {
        switch kind {
        case .archive, .manifest, .list:
            var taken = TakenBack.wasLive
            let object = try ObjectKey(name)
            for key in try group(name, kind).reversed() {
                try onStep("take back")
                let what = try vault.store.takeBack(key)
                if key == object { taken = what }
            }
            return taken
        case .object:
            try onStep("take back")
            let store = try bucket()
            return try store.takeBack(at: place(name, store))
        case .snapshot:
            try onStep("take back")
            return try SnapshotBucket.takeBack(try bucket().client.sibling(bucket: Departure.bucket(named: name)))
        }
    }
}
