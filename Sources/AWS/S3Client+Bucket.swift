import HTTP
package import Platform

extension S3Client {
    /// A part of a bucket's configuration that is read and written as a document.
    package struct Configuration: Sendable, Hashable {
        /// The word in the query.
        package let name: String
        /// The root of its document, by all its names.
        package let roots: Set<String>
        /// The error that means there is none.
        package let absent: String

        package static let lifecycle = Configuration(
            name: "lifecycle", roots: ["LifecycleConfiguration"], absent: "NoSuchLifecycleConfiguration")
        package static let objectLock = Configuration(
            name: "object-lock", roots: ["ObjectLockConfiguration"], absent: "ObjectLockConfigurationNotFoundError")
        package static let encryption = Configuration(
            name: "encryption", roots: ["ServerSideEncryptionConfiguration"],
            absent: "ServerSideEncryptionConfigurationNotFoundError")
        package static let publicAccessBlock = Configuration(
            name: "publicAccessBlock", roots: ["PublicAccessBlockConfiguration"],
            absent: "NoSuchPublicAccessBlockConfiguration")
        package static let versioning = Configuration(
            name: "versioning", roots: ["VersioningConfiguration", "GetBucketVersioningResponse"],
            absent: "")
    }

    /// Reads a part of the bucket's configuration.
    ///
    /// - Returns: nothing where there is none.
    package func configuration(_ which: Configuration) throws(Fault) -> XMLElement? {
        let call = S3Call(.get, query: [.init(which.name)], roots: which.roots)
        switch try attempt(call) {
        case .success(let answer): return answer.document
        case .failure(let error) where error.code == which.absent: return nil
        case .failure(let error): throw error.fault("\(name()) \(which.name)")
        }
    }

    /// Replaces a part of the bucket's configuration.
    package func putConfiguration(_ which: Configuration, _ document: XMLElement) throws(Fault) {
        var call = S3Call(.put, query: [.init(which.name)])
        call.setDocument(document)
        _ = try perform(call)
    }

    /// GetBucketPolicy: JSON, or nothing where there is none.
    package func policy() throws(Fault) -> [UInt8]? {
        let call = S3Call(.get, query: [.init("policy")])
        switch try attempt(call) {
        case .success(let answer): return answer.response.body
        case .failure(let error) where error.code == "NoSuchBucketPolicy": return nil
        case .failure(let error): throw error.fault("\(name()) policy")
        }
    }

    /// PutBucketPolicy.
    package func putPolicy(_ json: [UInt8]) throws(Fault) {
        var call = S3Call(.put, query: [.init("policy")])
        call.setBody(json)
        call.setContentMD5(json)
        _ = try perform(call)
    }

    /// GetBucketInventoryConfiguration, or nothing where there is none of this id.
    package func inventory(id: String) throws(Fault) -> XMLElement? {
        let call = S3Call(
            .get, query: [.init("inventory"), .init("id", id)], roots: ["InventoryConfiguration"])
        switch try attempt(call) {
        case .success(let answer): return answer.document
        case .failure(let error) where error.status == 404 && error.code != "NoSuchBucket": return nil
        case .failure(let error): throw error.fault("\(name()) inventory '\(id)'")
        }
    }

    /// PutBucketInventoryConfiguration.
    package func putInventory(id: String, _ document: XMLElement) throws(Fault) {
        var call = S3Call(.put, query: [.init("inventory"), .init("id", id)])
        call.setDocument(document)
        _ = try perform(call)
    }

    /// GetBucketLocation: the region's name; the first region is told as nothing, and an old one by another word.
    package func location() throws(Fault) -> String {
        let root = try perform(S3Call(.get, query: [.init("location")], roots: ["LocationConstraint"])).document
        let text = root.text.isEmpty ? root.text("LocationConstraint") ?? "" : root.text
        switch text {
        case "": return "us-east-1"
        case "EU": return "eu-west-1"
        default: return text
        }
    }

    /// CreateBucket.
    ///
    /// - Parameter withObjectLock: it can hardly be had later.
    /// - Throws: the service's error.
    package func createBucket(withObjectLock: Bool = false) throws(Fault) {
        var call = S3Call(.put)
        let place = endpoint
        if place.region != "us-east-1" {
            call.setDocument(
                XMLElement("CreateBucketConfiguration", "", [XMLElement("LocationConstraint", place.region)]))
        }
        if withObjectLock { call.headers["x-amz-bucket-object-lock-enabled"] = "true" }
        _ = try perform(call)
    }

    /// The time by the service's clock, in whole seconds: the `Date` of an answer.
    ///
    /// - Throws: `unsupported` for an answer without a date.
    package func askServiceTime() throws(Fault) -> Timestamp {
        let answer = try perform(S3Call(.get, query: [.init("versioning")]))
        guard let moment = answer.response.headers["Date"].flatMap({ HTTPDate.parse($0) }) else {
            throw Fault(.unsupported, "\(name()): its answers tell no date, by which deletion goes")
        }
        return moment
    }
}
