import AWS
import Settings

extension BucketSettings {
    /// The region whose prices hold: that of the settings or of the environment, for a bucket of AWS itself; nothing for
    /// another server's.
    func pricedRegion(_ environment: AWSEnvironment = .process) -> String? {
        guard endpoint == nil else { return nil }
        return region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? ""
    }
}
