package import Platform

extension ObjectStore {
    /// Compares size and, where it is read, content.
    package func examine(
        _ key: ObjectKey, expecting expected: ExpectedContent?, _ options: PutOptions,
        _ reading: ObjectExamination.Reading
    ) throws(Fault) -> ObjectExamination {
        var result = ObjectExamination()
        do throws(Fault) {
            guard let head = try head(key) else {
                result.findings.append(ObjectFinding(.missing, key, "is not in the vault"))
                return result
            }
            (result.head, result.evidence) = (head, .head)
            guard let expected else { return result }
            if head.size != expected.size {
                result.findings.append(.size(head.size, expected.size, key))
            } else if reading != .never {
                result.evidence = try verify(key, expecting: expected)
            }
        } catch {
            result.findings.append(try .told(error, key))
        }
        return result
    }

    /// A store without classes, locks and uploads in parts has only the content to prove.
    package func adopt(_ key: ObjectKey, expecting expected: ExpectedContent, _ options: PutOptions) throws(Fault)
        -> Evidence
    {
        try verify(key, expecting: expected)
    }

    /// A store without versions hides nothing.
    package func versionMarks(prefix: String) throws(Fault) -> [ObjectKey: VersionMark] { [:] }
}

extension ObjectFinding {
    static func size(_ found: Int64, _ expected: Int64, _ key: ObjectKey) -> ObjectFinding {
        ObjectFinding(.altered, key, "has \(found) bytes, expected \(expected)")
    }

    /// A fault of one object, as a finding.
    ///
    /// - Throws: faults that concern all objects.
    static func told(_ fault: Fault, _ key: ObjectKey) throws(Fault) -> ObjectFinding {
        switch fault.code {
        case .damaged, .changed: ObjectFinding(.altered, key, fault.description)
        case .interrupted, .unreachable, .unmounted: throw fault
        default: ObjectFinding(.unreadable, key, fault.description)
        }
    }
}
