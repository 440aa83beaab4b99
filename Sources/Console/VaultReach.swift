/// How far a door looks for what a job has in vaults and warehouses.
package enum VaultReach: Sendable {
    /// It reads none.
    case nothing
    /// Vaults in directories, and the inventories of a warehouse.
    case directories
    /// Vaults in buckets, too.
    case buckets
}
