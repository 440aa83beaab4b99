import Platform

/// What came of a request; views into the reply are valid only while it is handled.
enum SFTPReply {
    case status(UInt32, message: UnsafeRawBufferPointer)
    case handle(ByteString)
    case data(UnsafeRawBufferPointer)
    /// That many bytes of data lie where ``SFTPSession/read(_:at:into:_:)`` was told to put them.
    case landed(Int)
    /// How many names, and the rest of the reply with them.
    case names(UInt32, SFTPDecoder)
    case attributes(SFTPAttributes)
    case extended(SFTPDecoder)
    /// There will be no reply.
    case failed(Fault)

    /// Reads the body of a packet, behind its number.
    init(type: UInt8, _ decoder: inout SFTPDecoder) throws(Fault) {
        switch type {
        case SFTPMessage.Reply.status:
            let code = try decoder.number()
            // Old servers leave message and language out.
            let message = decoder.remaining >= 4 ? try decoder.string() : UnsafeRawBufferPointer(start: nil, count: 0)
            self = .status(code, message: message)
        case SFTPMessage.Reply.handle:
            let handle = try decoder.string()
            guard handle.count <= 256 else { throw Fault(.damaged, "a handle of \(handle.count) bytes") }
            self = .handle(ByteString(handle))
        case SFTPMessage.Reply.data: self = .data(try decoder.string())
        case SFTPMessage.Reply.names: self = .names(try decoder.number(), decoder)
        case SFTPMessage.Reply.attributes: self = .attributes(try SFTPAttributes(&decoder))
        case SFTPMessage.Reply.extended: self = .extended(decoder)
        default: throw Fault(.damaged, "a packet of the unknown type \(type)")
        }
    }

    /// The fault that a reply stands for which is not what was asked for.
    func fault(_ operation: String, _ path: String) -> Fault {
        let what = "\(operation) \(path)"
        switch self {
        case .failed(let fault): return fault
        case .status(let code, let message):
            let words = ByteString(message.prefix(200)).description
            switch code {
            case SFTPMessage.Status.noSuchFile: return Fault(.notFound, "\(what): no such file or directory")
            case SFTPMessage.Status.permissionDenied: return Fault(.permission, "\(what): permission denied")
            case SFTPMessage.Status.unsupported: return Fault(.unsupported, "\(what): the server can't do that")
            default: return Fault(.io, "\(what): \(words.isEmpty ? "status \(code)" : words.lowercasedFirst)")
            }
        default: return Fault(.damaged, "\(what): the server's reply is of the wrong type")
        }
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
