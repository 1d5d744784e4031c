/// The order in which a file, or a section of one, has its numbers: that of the machine that wrote it.
enum ByteOrder {
    case big, little
}

extension RawSpan {
    func uint16(at offset: Int, _ order: ByteOrder = .big) -> UInt16 {
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return order == .big ? UInt16(bigEndian: value) : UInt16(littleEndian: value)
    }

    func uint32(at offset: Int, _ order: ByteOrder = .big) -> UInt32 {
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return order == .big ? UInt32(bigEndian: value) : UInt32(littleEndian: value)
    }

    func uint64(at offset: Int, _ order: ByteOrder) -> UInt64 {
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return order == .big ? UInt64(bigEndian: value) : UInt64(littleEndian: value)
    }

    func uint8(at offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
