import Glibc
import Platform

/// A listening socket on a loopback port of its own; each connection has a thread of its own.
///
/// It ends when the object goes.
final class LoopbackListener: Sendable {
    let port: Int
    private let descriptor: Int32
    private let isStopped: Monitor<Bool>

    /// Starts listening.
    ///
    /// - Parameter serve: serves one connection, which is closed when it returns.
    /// - Throws: the system's fault when there is no port or thread left.
    init(_ serve: @escaping @Sendable (StreamSocket) -> Void) throws {
        let listener = try Self.makeSocket()
        var address = Self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound, listen(listener, 64) == 0 else {
            close(listener)
            throw Fault.lastSystem("bind", "socket")
        }
        descriptor = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let isStopped = Monitor(false)
        self.isStopped = isStopped
        let crew = ThreadCrew()
        try crew.start("loopback") {
            while true {
                let descriptor = accept(listener, nil, nil)
                if descriptor < 0 {
                    if isStopped.with({ $0 }) || errno != EINTR { break }
                    continue
                }
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                let connection = StreamSocket(descriptor, "client")
                try ThreadCrew().start("loopback-one") { serve(connection) }
            }
            close(listener)
        }
    }

    deinit {
        isStopped.change { $0 = true }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Connects to a port of the loopback.
    static func connect(port: Int) throws(Fault) -> StreamSocket {
        let socket = StreamSocket(try makeSocket(), "port \(port)")
        var address = address(port: port)
        let isConnected = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw .lastSystem("connect to", socket.name) }
        return socket
    }

    private static func makeSocket() throws(Fault) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .lastSystem("make", "socket") }
        return descriptor
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
