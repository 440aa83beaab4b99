/// A path as a chain of names: a way down of thousands of levels holds each name once, not each path in full.
final class Trail: @unchecked Sendable {
    // Safe to share: only `deinit` changes a parent, and only one that nobody else holds.
    private(set) var parent: Trail?
    private let name: ByteString

    init(_ name: ByteString, below parent: Trail? = nil) {
        self.name = name
        self.parent = parent
    }

    // A loop, because the release of a long chain would recurse as deep as the tree.
    deinit {
        var next = parent.take()
        while var trail = next.take(), isKnownUniquelyReferenced(&trail) { next = trail.parent.take() }
    }

    var path: String {
        var names = [name.description]
        var next = parent
        while let trail = next {
            names.append(trail.name.description)
            next = trail.parent
        }
        guard let top = names.popLast() else { return "" }
        return Trail.joined(top, names.reversed().joined(separator: "/"))
    }

    static func joined(_ path: String, _ name: String) -> String {
        if name.isEmpty { return path }
        return path.hasSuffix("/") ? path + name : path + "/" + name
    }
}
