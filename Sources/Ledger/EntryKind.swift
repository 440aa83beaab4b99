package import Platform

/// What an entry is, by the letter that stands in manifests and indexes (as find(1) prints `%y`; `h` is ours).
package enum EntryKind: UInt8, Sendable {
    case file = 0x66  // f
    case directory = 0x64  // d
    case symlink = 0x6C  // l
    /// A further name of a file whose bytes stand under another key.
    case hardLink = 0x68  // h
    case fifo = 0x70  // p
    case socket = 0x73  // s
    case blockDevice = 0x62  // b
    case characterDevice = 0x63  // c
    case unknown = 0x75  // u

    package init(_ kind: FileStatus.Kind) {
        switch kind {
        case .file: self = .file
        case .directory: self = .directory
        case .symlink: self = .symlink
        case .fifo: self = .fifo
        case .socket: self = .socket
        case .block: self = .blockDevice
        case .character: self = .characterDevice
        case .unknown: self = .unknown
        }
    }

    package var letter: String { String(UnicodeScalar(rawValue)) }

    /// The reason under which an entry of this kind is skipped, for the kinds that are never archived.
    package var skipReason: String? {
        switch self {
        case .file, .directory, .symlink, .hardLink: nil
        case .fifo: "fifo"
        case .socket: "socket"
        case .blockDevice, .characterDevice: "device"
        case .unknown: "unknown-type"
        }
    }
}
