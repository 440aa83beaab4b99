package import Platform

/// A text with `{variable}` in it, such as `{tenant}/{yyyy}/{mm}/{dd}/{host}`.
package struct NameTemplate: Hashable, Sendable, CustomStringConvertible {
    /// What a template may stand for.
    package enum Variable: String, CaseIterable, Sendable {
        /// The tenant, as the layout has captured it.
        case tenant
        /// The category, as the layout has captured it.
        case category
        /// The host of the unit.
        case host
        /// The year of the run, in four digits.
        case yyyy
        /// The month of the run, in two digits.
        case mm
        /// The day of the run, in two digits.
        case dd
        /// What `**` of the layout has matched.
        case rest

        /// The variables that make a date; they come together or not at all.
        package static let date: Set<Variable> = [.yyyy, .mm, .dd]
    }

    package enum Part: Hashable, Sendable {
        case literal(String)
        case variable(Variable)
    }

    package let parts: [Part]
    /// The template as it was written.
    package let description: String

    /// Parses a template.
    ///
    /// Only the variables in `allowed` may stand in it.
    ///
    /// - Throws: `settings` with the column inside the template, counted in characters from 1.
    package init(_ text: String, allowed: Set<Variable>) throws(Fault) {
        description = text
        var parts: [Part] = []
        var literal = ""
        var name = ""
        var opened: Int?
        for (index, scalar) in text.unicodeScalars.enumerated() {
            let column = index + 1
            switch (scalar, opened) {
            case ("{", nil):
                if !literal.isEmpty { parts.append(.literal(literal)) }
                (literal, name, opened) = ("", "", column)
            case ("}", .some(let start)):
                parts.append(.variable(try Self.variable(name, at: start, allowed)))
                opened = nil
            case ("{", .some(let start)):
                throw Fault(.settings, "column \(start): '{' has no '}' before the next '{'")
            case ("}", nil): throw Fault(.settings, "column \(column): '}' has no '{' before it")
            case (_, .some): name.unicodeScalars.append(scalar)
            case (_, nil):
                guard scalar.value >= 0x20, scalar.value != 0x7F else {
                    throw Fault(.settings, "column \(column): a control character can't stand here")
                }
                literal.unicodeScalars.append(scalar)
            }
        }
        if let opened { throw Fault(.settings, "column \(opened): '{' has no '}' behind it") }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// Finds the variable of a name.
    ///
    /// - Throws: `settings` when there is none, or it is not among `allowed`.
    static func variable(_ name: String, at column: Int, _ allowed: Set<Variable>) throws(Fault) -> Variable {
        let known = Variable.allCases.filter { allowed.contains($0) }
        if let variable = Variable(rawValue: name) {
            if allowed.contains(variable) { return variable }
            throw Fault(
                .settings, "column \(column): variable '{\(name)}' can't stand here",
                hint: "Variables here are " + known.map { "{\($0.rawValue)}" }.joined(separator: ", ") + ".")
        }
        let near = NearestName.of(name, among: known.map(\.rawValue))
        throw Fault(
            .settings, "column \(column): unknown variable '{\(quoted(name, ""))}'",
            hint: near.map { "Did you mean '{\($0)}'?" }
                ?? "Variables here are " + known.map { "{\($0.rawValue)}" }.joined(separator: ", ") + ".")
    }

    /// The variables that stand in the template.
    package var variables: Set<Variable> {
        Set(parts.compactMap { if case .variable(let variable) = $0 { variable } else { nil } })
    }

    /// The template with each variable's value in its place.
    package func expand(_ value: (Variable) -> String) -> String {
        parts.map {
            switch $0 {
            case .literal(let text): text
            case .variable(let variable): value(variable)
            }
        }.joined()
    }

    /// What is wrong with the template as a path, whatever the values, which are never empty and have no slash.
    ///
    /// An absolute path must begin with a slash, another must not.
    func pathProblem(absolute: Bool, allowingEmptyComponents: Bool = false) -> String? {
        let shape = expand { _ in "x" }
        guard shape.hasPrefix("/") == absolute else {
            return absolute ? "must begin with '/'" : "must not begin with '/'"
        }
        let components = shape.split(separator: "/", omittingEmptySubsequences: false).dropFirst(absolute ? 1 : 0)
        if components.contains("") && !allowingEmptyComponents { return "has an empty component" }
        if components.contains(".") || components.contains("..") { return "has '.' or '..' as a component" }
        return nil
    }
}

extension NameTemplate.Variable {
    /// The value of a variable that the host and the run's date settle; nothing for what comes from the path.
    func constant(host: String, date: CivilDate) -> String? {
        switch self {
        case .host: host
        case .yyyy: date.yearText
        case .mm: date.monthText
        case .dd: date.dayText
        case .tenant, .category, .rest: nil
        }
    }
}
