/// What a person asks of a codec; each codec has a level of its own for it.
package enum NamedLevel: String, CaseIterable, Sendable {
    case fast, balanced, small
}
