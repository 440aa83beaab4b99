/// What a job accepts of one host in one run (`limits`); nothing where the code's own bound holds.
package struct TreeLimitSettings: Sendable, Equatable {
    package var depth: Int?
    package var entries: Int?
    package var bytes: ByteCount?

    package init() {}
}
