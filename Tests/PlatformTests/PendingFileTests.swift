import Platform
import TestSupport
import Testing

struct PendingFileTests {
    private func withDirectory(_ body: (Directory) throws -> Void) throws {
        try withTemporaryDirectory { try body(try Directory.open($0)) }
    }

    @Test func `a file is there only once it is whole`() throws {
        try withDirectory { directory in
            let pending = try PendingFile("a.json", in: directory, mode: 0o640)
            try pending.file.write(Array("whole".utf8))
            #expect(try directory.names() == [".a.json.partial"])
            try pending.commit()
            #expect(try directory.names() == ["a.json"])
            #expect(try directory.readFile("a.json") == Array("whole".utf8))
            #expect(try directory.status("a.json").mode == 0o640)
        }
    }

    @Test func `an abandoned file leaves nothing`() throws {
        try withDirectory { directory in
            do {
                let pending = try PendingFile("a", in: directory)
                try pending.file.write([1])
            }
            #expect(try directory.names() == [])
        }
    }

    @Test func `a crash leaves the temporary name and a rerun replaces it`() throws {
        try withDirectory { directory in
            try PendingFile.write(Array("old".utf8), to: "a", in: directory)
            // A crash is an end without deinit.
            let crashed = Unmanaged.passRetained(try PendingFile("a", in: directory, mode: 0o600))
            try crashed.takeUnretainedValue().file.write(Array("half of something long".utf8))
            #expect(try directory.names().sorted() == [".a.partial", "a"])
            #expect(try directory.readFile("a") == Array("old".utf8))

            let rerun = try PendingFile("a", in: directory, mode: 0o644)
            try rerun.file.write(Array("new".utf8))
            try rerun.commit()
            #expect(try directory.names() == ["a"])
            #expect(try directory.readFile("a") == Array("new".utf8))
            #expect(try directory.status("a").mode == 0o644)
            crashed.release()
            #expect(try directory.names() == ["a"])
        }
    }

    @Test func `a link or a further name in the temporary's place is not written through`() throws {
        try withDirectory { directory in
            let builder = TreeBuilder(directory)
            try builder.file("precious", text: "precious")
            try builder.symlink(".a.partial", to: "precious")
            try PendingFile.write([1], to: "a", in: directory)
            try builder.hardLink(".b.partial", to: "precious")
            try PendingFile.write([2], to: "b", in: directory)
            #expect(try directory.readFile("precious") == Array("precious".utf8))
            #expect(try directory.names().sorted() == ["a", "b", "precious"])
            #expect(try directory.status("a").kind == .file)
        }
    }

    @Test func `an exclusive commit refuses a taken name and leaves no trace`() throws {
        try withDirectory { directory in
            try PendingFile.write(Array("first".utf8), to: "a", in: directory, exclusively: true)
            let fault = #expect(throws: Fault.self) {
                try PendingFile.write(Array("second".utf8), to: "a", in: directory, exclusively: true)
            }
            #expect(fault?.code == .exists)
            #expect(try directory.readFile("a") == Array("first".utf8))
            #expect(try directory.names() == ["a"])
        }
    }

    @Test(arguments: [1, 100, 245, 246, 247, 248, 255])
    func `names up to the limit work`(length: Int) throws {
        try withDirectory { directory in
            let name = ByteString(bytes: [UInt8](repeating: 0x6E, count: length))
            let temporary = PendingFile.temporaryName(for: name)
            #expect(temporary.count == min(length + 9, 255))
            #expect(temporary.bytes.suffix(8).elementsEqual(".partial".utf8) && temporary.bytes.first == 0x2E)
            try PendingFile.write([7], to: name, in: directory)
            #expect(try directory.names() == [name])
        }
    }

    @Test func `two long names that differ at the end have temporaries of their own`() {
        let stem = [UInt8](repeating: 0x6E, count: 254)
        let names = (UInt8(0x61)...0x7A).map { ByteString(bytes: stem + [$0]) }
        #expect(Set(names.map(PendingFile.temporaryName)).count == names.count)
        #expect(PendingFile.temporaryName(for: names[0]) == PendingFile.temporaryName(for: names[0]))
    }

    @Test func `a name that is too long is refused before anything is written`() throws {
        try withDirectory { (directory) throws in
            let name = ByteString(bytes: [UInt8](repeating: 0x6E, count: 256))
            #expect(throws: Fault.self) { try PendingFile.write([7], to: name, in: directory) }
            #expect(try directory.names() == [])
        }
    }

    @Test func `a commit that can't take its place leaves nothing`() throws {
        try withDirectory { (directory) throws in
            try TreeBuilder(directory).file("a/occupied")
            #expect(throws: Fault.self) { try PendingFile.write([1], to: "a", in: directory) }
            #expect(try directory.names() == ["a"])
        }
    }
}
