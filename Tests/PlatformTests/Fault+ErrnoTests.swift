import Glibc
import Platform
import TestSupport
import Testing

struct FaultErrnoTests {
    @Test(arguments: [
        (ENOENT, Fault.Code.notFound, "no such file or directory"),
        (ENOTDIR, .notFound, "not a directory"),
        (EEXIST, .exists, "file exists"),
        (ENOTEMPTY, .exists, "directory not empty"),
        (EACCES, .permission, "permission denied"),
        (EPERM, .permission, "operation not permitted"),
        (ENOSPC, .noSpace, "no space left on device"),
        (EDQUOT, .noSpace, "disk quota exceeded"),
        (ESTALE, .unmounted, "stale file handle"),
        (EIO, .io, "input/output error"),
        (ELOOP, .io, "too many levels of symbolic links"),
        (99_999, .io, "unknown error 99999"),
    ])
    func `an error number becomes a code and lower-case words`(number: Int32, code: Fault.Code, words: String) {
        let fault = Fault.system(number, "open", "/srv/x")
        #expect(fault.code == code)
        #expect(fault.description == "open /srv/x: \(words)")
        #expect(fault.retry == .permanent)
    }

    @Test(arguments: [EINTR, EAGAIN, ETIMEDOUT])
    func `an error that passes may be tried again`(number: Int32) {
        #expect(Fault.system(number, "read", "/srv/x").retry == .temporary)
    }

    @Test(arguments: [ENOSPC, EDQUOT, ESTALE])
    func `advice is a sentence`(number: Int32) throws {
        let hint = try #require(Fault.system(number, "write", "/srv/x").hint)
        #expect(hint.hasSuffix("."))
        #expect(hint.first?.isUppercase == true)
    }

    @Test func `an interrupted call is made again and any other failure is not`() {
        var calls = 0
        let value: Int = retryingInterrupts {
            calls += 1
            errno = EINTR
            return calls < 4 ? -1 : 7
        }
        #expect(value == 7)
        #expect(calls == 4)
        calls = 0
        let failed: Int32 = retryingInterrupts {
            calls += 1
            errno = EIO
            return -1
        }
        #expect(failed == -1)
        #expect(calls == 1)
    }

    @Test func `a refusal names the owner of what was refused`() throws {
        try withTemporaryDirectory { path in
            let other: UInt32 = 4_000_000
            // Only root can give something away; for anybody else the root of all is another's.
            let place = geteuid() == 0 ? path : "/"
            if geteuid() == 0 { #expect(chown(path, other, other) == 0) }
            let hint = Fault(.permission, "open").namingOwner(of: place).hint
            #expect(hint?.hasPrefix("\(place) belongs to user '\(geteuid() == 0 ? "uid \(other)" : "root")'") == true)
            #expect(Fault(.io, "open").namingOwner(of: place).hint == nil)
            #expect(Fault(.permission, "open").namingOwner(of: "/proc/self").hint == nil)
        }
    }
}
