package import Codec
package import Platform

/// The settings of one job, from `jobs.d/NAME.toml`: what to protect, and under which policy.
package struct JobSettings: Sendable {
    package enum Kind: String, Sendable {
        /// Files of many hosts.
        case hosts
        /// Objects of a bucket's databases, by its inventories.
        case warehouse
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

    /// The tenant of entries where neither the layout nor the archive's name knows tenants.
    package static let allTenants = "_all"

    package var name: String
    package var kind: Kind
    /// What a job of kind `warehouse` has, and no other; what is told of hosts, trees and archives is not asked of it.
    package var warehouse: WarehouseSettings?
    /// Where the archives go; one or more.
    package var vaults: [VaultSettings]
    /// A name of the zone database, checked.
    package var timezone: String
    package var run: RunDay
    /// How far back missed dates are filled in, in whole days.
    package var catchUp: Period
    package var hosts: [HostSettings]
    /// How many hosts are collected at the same time.
    package var hostsAtOnce: Int
    /// What all hosts together may bring in a second.
    package var bandwidth: ByteRate?
    /// The part of the day in which hosts are read.
    package var window: TimeWindow?
    package var limits: TreeLimitSettings
    /// A tenant this far below its median of earlier runs makes a run partial; a share of 1.
    package var sizeDrop: Double?
    package var layout: Layout
    package var unmatched: Unmatched
    /// The name of an archive, without its suffix.
    package var archive: NameTemplate
    /// What an archive may have before it is split into volumes, counted in bytes of its tar.
    package var maxArchive: ByteCount?
    /// The name of an entry inside its archive.
    package var member: NameTemplate
    package var codec: MemberCodec
    package var level: CompressionLevel
    /// How often all is stored again, in whole days; nothing where the path carries a date, as every run is full then.
    package var fullEvery: Period?
    /// The codecs and levels that `[tenant.NAME]` sets.
    package var tenantCodecs: [String: MemberCodec]
    package var tenantLevels: [String: CompressionLevel]
    /// The tenants that may stay away without an alarm.
    package var decommissionedTenants: Set<String>
    /// Which channels are told how its stages ended.
    package var notify = NotifySettings()
    package var retention = RetentionSettings()

    /// Whether the paths carry the date of the run: those of all hosts, or of none.
    package var isDated: Bool { hosts.first?.isDated ?? false }

    /// After how long a run that is not collected is told of; the timers of warehouses run once a month.
    package var overdue: Period {
        notify.overdue ?? (warehouse == nil ? NotifySettings.usual : NotifySettings.usualMonthly)
    }

    /// How many days before today the newest run is that a run started today is for.
    package var daysBehind: Int { warehouse?.lag.days ?? (run == .yesterday ? 1 : 0) }

    /// The codec and level for a tenant, named as ``Placement`` names it.
    package func compression(forTenant tenant: String) -> Compression {
        let own = tenantCodecs[tenant] ?? codec
        var level = tenantLevels[tenant] ?? level
        // The job's number counts the levels of the job's codec.
        if tenantLevels[tenant] == nil, own != codec, case .number = level { level = .balanced }
        return Compression(own, level: level.value(for: own))
    }

    /// What says where the entries of a host's tree go in the run of `date`.
    package func placer(host: String, date: CivilDate) -> Placer { Placer(self, host: host, date: date) }
}
