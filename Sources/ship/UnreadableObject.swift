import Platform

/// An object that can't be opened: it says why whenever something is to be read from it.
final class UnreadableObject: RangedSource {
    let name: String
    let size = Int64.max
    private let fault: Fault

    init(_ name: String, _ fault: Fault) {
        self.name = name
        self.fault = fault
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int { throw fault }
}
