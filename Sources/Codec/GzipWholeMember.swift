#if !COLDCHAIN_ZLIB_ONLY
import CDeflate
import CISAL
import Platform

/// gzip members by libdeflate, at once.
final class DeflateMember: WholeMember {
    private let decompressor: OpaquePointer

    init() throws(Fault) {
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw Fault(.limit, "no memory to inflate with libdeflate")
        }
        self.decompressor = decompressor
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        var (taken, made) = (0, 0)
        let result = libdeflate_gzip_decompress_ex(
            decompressor, input.baseAddress, input.count, output.baseAddress, output.count, &taken, &made)
        switch result {
        case LIBDEFLATE_SUCCESS:
            try WholeMemberFault.check(left: input.count - taken, made: made, expected: output.count)
        case LIBDEFLATE_INSUFFICIENT_SPACE: throw WholeMemberFault.tooLong(output)
        default: throw Fault(.damaged, "its data, CRC-32 or length is wrong")
        }
    }
}

/// gzip members by ISA-L, at once.
final class ISALMember: WholeMember {
    private let decompressor: OpaquePointer

    init() throws(Fault) {
        guard let decompressor = cisal_new_decompressor() else {
            throw Fault(.limit, "no memory to inflate with ISA-L")
        }
        self.decompressor = decompressor
    }

    deinit { cisal_free_decompressor(decompressor) }

    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        var (taken, made) = (input.count, output.count)
        switch cisal_gunzip(decompressor, input.baseAddress, &taken, output.baseAddress, &made) {
        case 0: try WholeMemberFault.check(left: input.count - taken, made: made, expected: output.count)
        case 1: throw Fault(.damaged, "is cut off")
        case 2: throw WholeMemberFault.tooLong(output)
        case let code: throw Fault(.damaged, "its data, CRC-32 or length is wrong (ISA-L \(code))")
        }
    }
}

/// gzip members by a library that did not make them.
///
/// Those that are stored are made by libdeflate in any archive, and read by zlib: there is nothing to inflate, and a second
/// opinion costs no time.
final class OtherMember: WholeMember {
    private let packed: any WholeMember
    private let stored = SteppedMember(GzipInflater())

    init(_ packed: any WholeMember) { self.packed = packed }

    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        // RFC 1951, 3.2.3: a bit for the last block, two for its kind; 00 is stored. The header has ten bytes.
        let isStored = input.count > 10 && input[10] & 6 == 0
        try isStored ? stored.inflate(input, into: output) : packed.inflate(input, into: output)
    }
}
#endif
