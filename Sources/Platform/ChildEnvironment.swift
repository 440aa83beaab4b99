/// Which variables of the environment the programs that are started here don't get: those that hold secrets.
package enum ChildEnvironment {
    private static let names = Monitor<Set<String>>([
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ])

    /// Keeps a variable from the programs that are started from now on.
    package static func hide(_ name: String) { names.with { _ = $0.insert(name) } }

    /// The variables that are kept from them.
    package static var hidden: Set<String> { names.with { $0 } }
}
