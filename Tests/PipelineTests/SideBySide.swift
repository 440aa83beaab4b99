/// Runs `body` for each of many cases that have nothing to do with each other, two at a time.
func sideBySide<Case: Sendable>(
    _ cases: some Sequence<Case>, _ body: @escaping @Sendable (Case) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (position, item) in cases.enumerated() {
            if position >= 2 { try await group.next() }
            group.addTask { try await body(item) }
        }
        try await group.waitForAll()
    }
}
