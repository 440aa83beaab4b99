package import Testing

extension Trait where Self == ConditionTrait {
    /// For tests that mount: root, and not in a chroot or in a container that forbids it.
    package static var needsMountNamespaces: Self {
        .enabled("needs root and mount namespaces") { try await run(["unshare", "-m", "true"]).status == 0 }
    }
}
