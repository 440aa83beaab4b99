/// The numbers of version 3 of the protocol (draft-ietf-secsh-filexfer-02), which is what OpenSSH's server speaks.
enum SFTPMessage {
    static let version: UInt32 = 3

    /// Types of requests.
    enum Request: UInt8, Sendable {
        case initialize = 1
        case open = 3
        case close = 4
        case read = 5
        case lstat = 7
        case fstat = 8
        case openDirectory = 11
        case readDirectory = 12
        case stat = 17
        case readLink = 19
        case extended = 200
    }

    /// Types of replies.
    enum Reply {
        static let version: UInt8 = 2
        static let status: UInt8 = 101
        static let handle: UInt8 = 102
        static let data: UInt8 = 103
        static let names: UInt8 = 104
        static let attributes: UInt8 = 105
        static let extended: UInt8 = 201
    }

    /// Codes of a status reply.
    enum Status {
        static let ok: UInt32 = 0
        static let endOfFile: UInt32 = 1
        static let noSuchFile: UInt32 = 2
        static let permissionDenied: UInt32 = 3
        static let failure: UInt32 = 4
        static let badMessage: UInt32 = 5
        static let unsupported: UInt32 = 8
    }

    /// `SSH_FXF_READ` of an open request.
    static let openForReading: UInt32 = 1

    /// The longest packet that a client has to take (draft, 3); OpenSSH's server sends up to 256 KiB.
    static let longestPacket = 256 << 10
    /// What a read may ask for of a server that doesn't tell its limits.
    static let plainRead = 32 << 10
}
