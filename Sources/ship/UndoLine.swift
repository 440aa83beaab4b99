import Console
import Platform
import Retention

/// Something that is on its way out, as `ship undo` prints it.
struct UndoLine: Codable {
    var vault: String
    var object: String
    var kind: Departure.Kind
    var bytes: Int64
    var tenants: [String]
    var run: String
    var state: Departure.State
    var since: String
    var batch: String
    /// What came of it; nothing where nothing was done.
    var result: String?

    init(_ departure: Departure, _ vault: String) {
        self.vault = vault
        (object, kind, bytes) = (departure.key, departure.kind, departure.size)
        (tenants, run) = (departure.tenants, departure.run)
        (state, since, batch) = (departure.state, departure.since.rfc3339, departure.batch)
    }

    static let nothing = "nothing is on its way out"
    static let heading = ["VAULT", "OBJECT", "SIZE", "RUN", "STATE", "SINCE", "BATCH", ""]
    static let right: Set<Int> = [2]

    /// All columns but the last.
    var cells: [String] {
        [
            vault, object, Figures.bytes(bytes), run, state.rawValue, Timestamp(rfc3339: since)?.local ?? since,
            batch.prefix(8).description,
        ]
    }
}
