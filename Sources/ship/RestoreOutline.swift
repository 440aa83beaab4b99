import Console
import Ledger
import Platform
import Vault

/// A plan of a restore as it is printed: what is fetched from which objects, and what has to be thawed before.
struct RestoreOutline: Codable {
    struct Object: Codable {
        var object: String
        var entries: Int64
        /// Bytes to fetch.
        var fetched: Int64
        /// Nothing where the object is not there.
        var size: Int64?
        var storageClass: String?
        /// `readable`, `archived`, `thawing`, `thawed` or `unreadable`; `there` where nothing of it is missing any more.
        var state: String
        /// Until when a thawed copy can be read.
        var until: String?
        /// Why it can't be read.
        var why: String?
    }

    struct Thaw: Codable {
        /// Objects to ask for.
        var objects: Int
        /// Their bytes, all of which are thawed and charged.
        var bytes: Int64
        /// Objects that were asked for and are not there yet.
        var underWay: Int
        var tier: String
        var days: Int
        /// An estimate in US dollars; nothing without prices.
        var dollars: Double?
        /// The day of the prices.
        var pricesOf: String?
        /// When everything can be read at the latest.
        var readable: String
    }

    var objects: [Object]
    var entries: Int64
    /// Bytes of content.
    var content: Int64
    var fetched: Int64
    var thaw: Thaw?

    init(_ plan: RestorePlan, _ look: ThawLook, now: Timestamp) {
        objects = plan.objects.map { Self.object($0, look.heads[$0.key]) }
        entries = plan.entries
        content = plan.contentBytes
        fetched = plan.objects.reduce(0) { look.heads[$1.key] == nil ? $0 : $0 + $1.bytes }
        thaw = look.plan.readable(now: now).map { readable in
            Thaw(
                objects: look.plan.archived.count, bytes: look.plan.bytes,
                underWay: look.plan.waiting.count - look.plan.archived.count, tier: look.plan.request.tier.rawValue,
                days: look.plan.request.days, dollars: look.dollars, pricesOf: look.pricesOf?.description,
                readable: readable.rfc3339)
        }
    }

    private static func object(_ object: RestorePlan.Object, _ head: Result<ObjectHead, Fault>?) -> Object {
        var line = Object(object: object.key, entries: object.entries, fetched: object.bytes, state: "readable")
        switch head {
        case nil: if object.isRead { line.state = "there" }
        case .failure(let fault): (line.state, line.why) = ("unreadable", fault.description)
        case .success(let head):
            line.size = head.size
            line.storageClass = head.storageClass.isEmpty ? nil : head.storageClass
            switch head.readability {
            case .readable: break
            case .archived: line.state = "archived"
            case .thawing: line.state = "thawing"
            case .thawed(let until):
                line.state = "thawed"
                line.until = until?.rfc3339
            }
        }
        return line
    }

    /// Whether every object that is needed is there and can be read, now or once it is thawed.
    var isReadable: Bool { objects.allSatisfy { $0.state != "unreadable" } }

    /// The exit status of a look: done where all can come back.
    ///
    /// - Parameter isClean: whether all that was asked for is known.
    /// - Returns: 0, 3, or 1 where there is nothing to come back.
    func status(isClean: Bool) -> Int32 {
        if isClean && isReadable { return ExitStatus.done }
        return entries > 0 ? ExitStatus.partial : ExitStatus.failed
    }

    var text: String {
        var table = TextTable(["OBJECT", "ENTRIES", "FETCH", "SIZE", "STATE"], right: [1, 2, 3])
        for line in objects {
            let until = line.until.flatMap { Timestamp(rfc3339: $0) }.map { " until \($0.local)" } ?? ""
            let why = line.why.map { ": \($0)" } ?? ""
            table.add([
                line.object, "\(line.entries)", Figures.bytes(line.fetched), line.size.map { Figures.bytes($0) } ?? "",
                line.state
                    + (line.state == "readable" || line.state == "there"
                        ? "" : line.storageClass.map { " (\($0))" } ?? "") + until + why,
            ])
        }
        return table.text + "\n" + sum + (thaw.map { "\n" + $0.text } ?? "")
    }

    private var sum: String {
        "\(Figures.count(entries, "entry", "entries")), \(Figures.bytes(content)) of content, \(Figures.bytes(fetched)) to fetch from \(Figures.count(Int64(objects.count), "object", "objects"))"
    }
}

extension RestoreOutline.Thaw {
    /// One line: what is asked for, what it costs, when it is there.
    var text: String {
        var parts: [String] = []
        if objects > 0 {
            let price =
                dollars.map { ", about \(Figures.dollars($0)) by the prices of \(pricesOf ?? "")" }
                ?? ", no price known"
            parts.append(
                "\(Figures.count(Int64(objects), "object", "objects")) of \(Figures.bytes(bytes)) to thaw, tier \(tier), for \(Figures.count(Int64(days), "day", "days"))\(price)"
            )
        }
        if underWay > 0 { parts.append("\(Figures.count(Int64(underWay), "object is", "objects are")) being thawed") }
        let local = Timestamp(rfc3339: readable)?.local ?? readable
        return parts.joined(separator: "; ") + "; all can be read by \(local) at the latest"
    }
}
