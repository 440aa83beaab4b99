package import AWS
package import Platform

/// How objects are put into an S3 vault.
package struct S3StoreOptions: Sendable {
    /// The class of archives; empty for the bucket's default.
    package var archiveClass = ""
    /// The class of indexes, digests and manifests.
    package var sidecarClass = ""
    /// Whether the store is asked to keep SHA-256 with the object (`x-amz-checksum-sha256`).
    package var sendsChecksums = true
    package var encryption: S3NewObject.Encryption?
    /// Object Lock: `GOVERNANCE` or `COMPLIANCE`, and for how many days.
    package var lock: (mode: String, days: Int)?
    /// Uploads under way at once, over all objects.
    package var uploads = 8
    /// The limit of all uploads together.
    package var rate: RateLimit?
    /// Throws `tryLater` when nothing new may start now.
    package var mayStart: @Sendable () throws(Fault) -> Void = {}
    /// Whether the store is known to refuse bytes that differ from the signed digest; nothing to find out.
    package var refusesWrongDigests: Bool?
    /// Whether the store is known to refuse to write under a key that is taken; nothing to find out.
    package var refusesTakenKeys: Bool?
    package var clock = Clock.system

    package init() {}

    func storageClass(_ role: PutOptions.Role) -> String { role == .archive ? archiveClass : sidecarClass }
}
