import Glibc
import Platform
import TestSupport
import Testing

struct MountGuardTests {
    private struct Setup {
        let path: String
        let root: Directory
        let mount: MountGuard
    }

    private func withGuard(_ body: (Setup) throws -> Void) throws {
        try withTemporaryDirectory { path in
            let state = try Directory.create(path + "/state")
            try body(
                Setup(
                    path: path, root: try Directory.open(path),
                    mount: MountGuard(path + "/staging", state: state)))
        }
    }

    private func refusal(_ mount: MountGuard) -> Fault? {
        let fault = #expect(throws: Fault.self) { try mount.open() }
        #expect(fault?.code == .unmounted)
        #expect(fault?.hint != nil)
        return fault
    }

    @Test func `what was planted opens`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            #expect(id.count == 32)
            #expect(try setup.mount.open().status().inode == setup.root.status("staging").inode)
            #expect(try setup.root.directory("staging").readFile(MountGuard.name) == Array((id + "\n").utf8))
            #expect(try setup.mount.plant(local: true) == id)
        }
    }

    @Test func `a second server adopts the guard that is there`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            let second = MountGuard(setup.path + "/staging", state: try Directory.create(setup.path + "/state2"))
            #expect(refusal(second)?.message.contains("never been told") == true)
            #expect(try second.plant(local: true) == id)
            #expect(try second.open().status().inode == setup.mount.open().status().inode)
        }
    }

    @Test func `a directory on a local disk is refused unless that is meant`() throws {
        try withGuard { (setup) throws in
            let missing = #expect(throws: Fault.self) { try setup.mount.plant(local: false) }
            #expect(missing?.code == .unmounted)
            #expect(missing?.message == "\(setup.path)/staging: can't be opened, is it mounted?")
            let isMade = try setup.root.exists("staging")
            #expect(!isMade)
            try setup.root.makeDirectory("staging")
            let plain = #expect(throws: Fault.self) { try setup.mount.plant(local: false) }
            #expect(plain?.code == .unmounted)
            #expect(plain?.message == "\(setup.path)/staging: is not a mount point")
            #expect(try FileTree(setup.path + "/staging").paths == [])
        }
    }

    @Test func `an empty directory is an unmounted one`() throws {
        try withGuard { setup in
            _ = try setup.mount.plant(local: true)
            try setup.root.rename("staging", to: "away")
            #expect(refusal(setup.mount)?.message.contains("can't be opened") == true)
            try setup.root.makeDirectory("staging")
            #expect(refusal(setup.mount)?.message.contains("no guard file") == true)
            try setup.root.removeDirectory("staging")
            try setup.root.rename("away", to: "staging")
            _ = try setup.mount.open()
        }
    }

    @Test(arguments: ["0123456789abcdef0123456789abcdef\n", "", "\n", "x y"])
    func `another guard is refused`(content: String) throws {
        try withGuard { setup in
            _ = try setup.mount.plant(local: true)
            try TreeBuilder(setup.root).file("staging/.coldchain-guard", text: content)
            #expect(refusal(setup.mount)?.message.contains("the guard is") == true)
        }
    }

    @Test func `a guard that is a link is refused`() throws {
        try withGuard { setup in
            _ = try setup.mount.plant(local: true)
            let staging = try setup.root.directory("staging")
            try staging.rename(MountGuard.name, to: "copy")
            try staging.makeLink(MountGuard.name, to: "copy")
            #expect(throws: Fault.self) { try setup.mount.open() }
        }
    }

    @Test func `the guard's copy on another file system is refused`() throws {
        try withGuard { setup in
            try withTemporaryDirectory(in: "/dev/shm") { memory in
                try setup.root.makeDirectory("real")
                try setup.root.makeLink("staging", to: "real")
                let id = try setup.mount.plant(local: true)
                _ = try setup.mount.open()
                let kinds = try [setup.path, memory].map { try Directory.open($0).fileSystem().type }
                try #require(kinds[0] != kinds[1], "the temporary directory is in memory, too")
                try TreeBuilder(memory).file(MountGuard.name, text: id + "\n")
                try setup.root.remove("staging")
                try setup.root.makeLink("staging", to: ByteString(memory))
                #expect(refusal(setup.mount)?.message.contains("lies on file system") == true)
            }
        }
    }

    // MARK: A place that has a pin

    /// Expects that planting again is refused, and changes nothing.
    private func expectRefusal(_ setup: Setup, _ words: String, local: Bool = true) throws {
        let before = try FileTree(setup.path)
        let fault = #expect(throws: Fault.self) { try setup.mount.plant(local: local) }
        #expect(fault?.code == .unmounted)
        #expect(fault?.message.hasPrefix("\(setup.path)/staging: \(words)") == true, "\(String(describing: fault))")
        #expect(fault?.hint?.contains("'collect init --replace-guard \(setup.path)/staging'") == true)
        let changes = before.differences(to: try FileTree(setup.path))
        #expect(changes == [])
    }

    @Test func `where the pinned guard is missing no other is planted`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            try setup.root.rename("staging", to: "away")
            try expectRefusal(setup, "guard '\(id)' is pinned for it, but no guard is there")
            try expectRefusal(setup, "can't be opened, is it mounted?", local: false)
            try setup.root.makeDirectory("staging")
            try expectRefusal(setup, "guard '\(id)' is pinned for it, but no guard is there")
            try expectRefusal(setup, "guard '\(id)' is pinned for it, but no guard is there", local: false)
        }
    }

    @Test func `another guard in the place of the pinned one is not adopted, unless that is asked for`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            let other = "0123456789abcdef0123456789abcdef"
            try TreeBuilder(setup.root).file("staging/.coldchain-guard", text: other + "\n")
            try expectRefusal(setup, "guard '\(id)' is pinned for it, but '\(other)' is there")
            try setup.mount.checkPlanting(local: true, replacing: true)
            #expect(refusal(setup.mount)?.message.contains("the guard is") == true, "a look changes nothing")
            #expect(try setup.mount.plant(local: true, replacing: true) == other)
            #expect(try setup.mount.openWithID().id == other)
            #expect(try setup.mount.plant(local: true) == other)
        }
    }

    @Test func `a new file system gets a new guard when that is asked for`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            try setup.root.rename("staging", to: "away")
            let new = try setup.mount.plant(local: true, replacing: true)
            #expect(new != id)
            #expect(try setup.mount.openWithID().id == new)
        }
    }

    @Test(arguments: ["", "x\n", "a b c\n"]) func `a pin that was edited is a pin`(text: String) throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            let pins = try setup.root.descend(["state", "guards"])
            try TreeBuilder(pins).file(try #require(try pins.names().first), text: text)
            #expect(refusal(setup.mount)?.message.contains("the guard is") == true)
            #expect(throws: Fault.self) { try setup.mount.plant(local: true) }
            #expect(try setup.mount.plant(local: true, replacing: true) == id)
        }
    }

    @Test func `planting is advised only where nothing was planted`() throws {
        try withGuard { setup in
            #expect(refusal(setup.mount)?.hint?.contains("collect init") == true)
            _ = try setup.mount.plant(local: true)
            try setup.root.rename("staging", to: "away")
            #expect(refusal(setup.mount)?.hint?.contains("init") == false)
            try setup.root.makeDirectory("staging")
            #expect(refusal(setup.mount)?.hint?.contains("init") == false)
            try TreeBuilder(setup.root).file("staging/.coldchain-guard", text: "another")
            #expect(refusal(setup.mount)?.hint?.contains("init") == false)
        }
    }

    @Test func `planting again on a local disk needs no option`() throws {
        try withGuard { setup in
            let id = try setup.mount.plant(local: true)
            #expect(try setup.mount.plant(local: false) == id)
        }
    }

    // A mount in a namespace of its own is seen by one thread only and needs root.
    @Test(.needsMountNamespaces)
    func `a mount point is planted, and once it is unmounted the directory beneath is refused`() async {
        await #expect(processExitsWith: .success) {
            #expect(unshare(0x0002_0000) == 0)  // CLONE_NEWNS
            let (recursive, private_) = (UInt(0x4000), UInt(0x40000))  // MS_REC, MS_PRIVATE
            #expect(mount("none", "/", nil, recursive | private_, nil) == 0)
            try withTemporaryDirectory { path in
                let staging = path + "/staging"
                let state = try Directory.create(path + "/state")
                _ = try Directory.create(staging)
                let guarded = MountGuard(staging, state: state)
                #expect(mount("tmpfs", staging, "tmpfs", 0, nil) == 0)
                _ = try guarded.plant(local: false)
                _ = try guarded.open()
                #expect(umount(staging) == 0)
                let fault = #expect(throws: Fault.self) { try guarded.open() }
                #expect(fault?.code == .unmounted)
                #expect(fault?.message.hasSuffix("the file system is not mounted") == true)
                #expect(mount("proc", staging, "proc", 0, nil) == 0)
                let other = #expect(throws: Fault.self) { try guarded.open() }
                #expect(other?.message.hasSuffix("another file system is mounted there") == true)
                #expect(umount(staging) == 0)
                #expect(throws: Fault.self) { try guarded.plant(local: false) }
            }
        }
    }
}

// Glibc's module leaves sys/mount.h and the GNU extensions out.

@_silgen_name("unshare")
private func unshare(_ flags: Int32) -> Int32

@_silgen_name("mount")
private func mount(
    _ source: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>, _ kind: UnsafePointer<CChar>?, _ flags: UInt,
    _ data: UnsafeRawPointer?
) -> Int32

@_silgen_name("umount")
private func umount(_ target: UnsafePointer<CChar>) -> Int32
