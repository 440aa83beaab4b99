import Platform

/// What a version of a Delta table lacks, as its log is read.
struct DeltaState {
    /// The files that are lacking, by digest, and the names of some of them.
    private var lacking: Set<UInt64> = []
    private var names: [UInt64: [ByteString]] = [:]
    /// Whether every file of the version was looked for.
    var isProven = true
    /// Files of a list that can't be read here; nothing where nobody tells.
    var unread: Int64?
    var why: String?

    private static let mostNames = 1_000

    /// How many files are lacking.
    var count: Int { lacking.count }

    /// The first that are lacking.
    func first(_ most: Int) -> [String] { names.values.flatMap { $0 }.sorted().prefix(most).map(\.description) }

    mutating func lack(_ identity: String, _ keys: [ByteString]) {
        let word = KeyDigests.word(ByteString(identity))
        lacking.insert(word)
        if names.count < Self.mostNames { names[word] = keys }
    }

    mutating func release(_ identity: String) {
        if lacking.isEmpty { return }
        let word = KeyDigests.word(ByteString(identity))
        lacking.remove(word)
        names[word] = nil
    }
}
