/// Where this source tree lies.
package enum Repository {
    /// The path of the directory that holds Package.swift.
    package static let root: String = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
}
