import Glibc

/// Who this process is, for lock files and records.
package enum ProcessIdentity {
    /// The host's name (gethostname(2)).
    package static let host: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// The id of this boot; a lock of another boot has no owner.
    package static let boot: String = {
        guard let directory = try? Directory.open("/proc/sys/kernel/random"),
            let file = try? directory.openFile("boot_id")
        else { return "" }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
        return String(decoding: bytes.prefix(count), as: UTF8.self).filter { $0 != "\n" }
    }()

    package static var pid: Int { Int(getpid()) }

    /// The account that runs this process.
    package static var user: String { name(ofUser: geteuid()) }

    /// The name of an account, or its number.
    package static func name(ofUser uid: UInt32) -> String {
        guard let entry = getpwuid(uid) else { return "uid \(uid)" }
        return String(cString: entry.pointee.pw_name)
    }
}
