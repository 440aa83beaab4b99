package import Platform

/// The settings of one job, from `jobs.d/NAME.toml`: what to protect, and under which policy.
package struct JobSettings: Sendable {
    package enum Kind: String, Sendable {
        /// Files of many hosts.
        case hosts
    }

    /// Which day a run started today is for.
    package enum RunDay: String, CaseIterable, Sendable {
        case yesterday, today
    }

    /// What becomes of a path that the layout does not fit.
    package enum Unmatched: Hashable, Sendable, CustomStringConvertible {
        /// It goes to the archive of this tenant.
        case tenant(String)
        /// The unit fails.
        case fail
        /// It is left out, and counted.
        case skip

        /// As it stands in the settings.
        package var description: String {
            switch self {
            case .tenant(let name): "tenant:\(name)"
            case .fail: "fail"
            case .skip: "skip"
            }
        }
    }

    package enum Compression: String, CaseIterable, Sendable {
        case gzip
    }

    /// The tenant of entries where neither the layout nor the archive's name knows tenants.
    package static let allTenants = "_all"

    package var name: String
    package var kind: Kind
    /// Where the archives go; one or more.
    package var vaults: [VaultSettings]
    /// A name of the zone database, checked.
    package var timezone: String
    package var run: RunDay
    /// How far back missed dates are filled in, in whole days.
    package var catchUp: Period
    package var hosts: [String]
    /// How many hosts are collected at the same time.
    package var hostsAtOnce: Int
    /// The source tree of a host, absolute: the setting without its `file://`.
    package var path: NameTemplate
    /// Whether a unit that was never empty may be empty.
    package var allowEmpty: Bool
    package var layout: Layout
    package var unmatched: Unmatched
    /// The name of an archive, without its suffix.
    package var archive: NameTemplate
    /// The name of an entry inside its archive.
    package var member: NameTemplate
    package var codec: Compression
    package var level: CompressionLevel
    /// How often all is stored again, in whole days; nothing where the path carries a date, as every run is full then.
    package var fullEvery: Period?
    /// The levels that `[tenant.NAME]` sets.
    package var tenantLevels: [String: CompressionLevel]

    /// Whether the path carries the date of the run.
    package var isDated: Bool { !path.variables.isDisjoint(with: NameTemplate.Variable.date) }

    /// The level for a tenant, named as ``Placement`` names it.
    package func level(forTenant tenant: String) -> CompressionLevel { tenantLevels[tenant] ?? level }

    /// The top of a host's source tree in the run of `date`.
    package func sourcePath(host: String, date: CivilDate) -> String {
        // The path has only variables that the host and the date settle; loading has checked that.
        path.expand { $0.constant(host: host, date: date) ?? "" }
    }

    /// What says where the entries of a host's tree go in the run of `date`.
    package func placer(host: String, date: CivilDate) -> Placer { Placer(self, host: host, date: date) }
}
