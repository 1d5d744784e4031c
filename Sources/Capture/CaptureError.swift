import SystemPackage

/// Why a capture can't be read, or not any further. Offsets count bytes of the file, from 0.
public enum CaptureError: Error, Hashable, Sendable {
    /// Not a byte.
    case empty
    /// Neither pcap nor pcapng. What it begins with, four bytes at most.
    case notACapture([UInt8])
    /// What the file was compressed with, and the command that undoes it.
    case compressed(with: String, unpack: String)
    case unsupportedVersion(major: UInt16, minor: UInt16, offset: Int)
    /// The input ends inside of the part that begins at `offset`.
    case truncated(Part, offset: Int, needed: Int, have: Int)
    /// A packet of more than `CaptureLimit.packet` bytes.
    case packetTooLong(length: UInt32, offset: Int)
    /// A block's length is below what its type needs, no multiple of 4 or above `CaptureLimit.block`.
    case badBlockLength(BlockType, length: UInt32, offset: Int)
    /// A block's length is repeated at its end, and is another there.
    case blockLengthsDiffer(BlockType, first: UInt32, last: UInt32, offset: Int)
    case badByteOrderMagic(UInt32, offset: Int)
    /// A packet's captured bytes reach beyond its block.
    case packetBeyondBlock(BlockType, length: Int, room: Int, offset: Int)
    /// An option reaches beyond its block, or isn't of the length that its code asks for.
    case badOption(code: UInt16, length: UInt16, offset: Int)
    /// A packet of an interface that its section hasn't described: `count` others.
    case unknownInterface(UInt32, count: Int, offset: Int)
    /// More than `CaptureLimit.interfaces` in a section.
    case tooManyInterfaces(offset: Int)
    case unreadable(Errno, offset: Int)

    public enum Part: Hashable, Sendable {
        case fileHeader, packetRecord, blockHeader
        case block(BlockType)
    }

    /// The type of a pcapng block (draft-ietf-opsawg-pcapng section 4).
    public struct BlockType: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt32

        public init(rawValue: UInt32) { self.rawValue = rawValue }

        static let section = BlockType(rawValue: 0x0a0d_0d0a)
        static let interface = BlockType(rawValue: 1)
        static let obsoletePacket = BlockType(rawValue: 2)
        static let simplePacket = BlockType(rawValue: 3)
        static let statistics = BlockType(rawValue: 5)
        static let enhancedPacket = BlockType(rawValue: 6)
        static let journal = BlockType(rawValue: 9)
    }
}

extension CaptureError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "the capture is empty: not even a file header"
        case .notACapture(let bytes): "neither pcap nor pcapng: it begins with \(Self.hex(bytes))"
        case .compressed(let name, let unpack): "compressed with \(name); unpack it first: \(unpack)"
        case .unsupportedVersion(let major, let minor, let offset):
            "the header at byte \(offset) is of version \(major).\(minor); pcap 2.4 and pcapng 1.0 are supported"
        case .truncated(let part, let offset, let needed, let have):
            "the capture ends at byte \(offset + have), inside the \(part) at byte \(offset): "
                + "\(needed) bytes needed, \(have) there"
        case .packetTooLong(let length, let offset):
            "the packet at byte \(offset) claims \(length) captured bytes; \(CaptureLimit.packet) are possible"
        case .badBlockLength(let type, let length, let offset):
            "the \(type) at byte \(offset) has the impossible length \(length)"
        case .blockLengthsDiffer(let type, let first, let last, let offset):
            "the \(type) at byte \(offset) is \(first) bytes long at its beginning and \(last) at its end"
        case .badByteOrderMagic(let magic, let offset):
            "the section header block at byte \(offset) has the byte-order magic 0x\(String(magic, radix: 16)), "
                + "not 0x1a2b3c4d"
        case .packetBeyondBlock(let type, let length, let room, let offset):
            "the \(type) at byte \(offset) claims \(length) captured bytes and has room for \(room)"
        case .badOption(let code, let length, let offset):
            "the option at byte \(offset), code \(code), has the impossible length \(length)"
        case .unknownInterface(let index, let count, let offset):
            "the packet at byte \(offset) names interface \(index), and \(count) are described before it"
        case .tooManyInterfaces(let offset):
            "the interface description block at byte \(offset) is one too many: "
                + "\(CaptureLimit.interfaces) interfaces in a section are possible"
        case .unreadable(let errno, let offset): "can't read beyond byte \(offset): \(errno)"
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}

extension CaptureError.Part: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fileHeader: "file header"
        case .packetRecord: "packet record"
        case .blockHeader: "block header"
        case .block(let type): type.description
        }
    }
}

extension CaptureError.BlockType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .section: "section header block"
        case .interface: "interface description block"
        case .obsoletePacket: "obsolete packet block"
        case .simplePacket: "simple packet block"
        case .statistics: "interface statistics block"
        case .enhancedPacket: "enhanced packet block"
        case .journal: "systemd journal export block"
        default: "block of type 0x\(String(rawValue, radix: 16))"
        }
    }
}
