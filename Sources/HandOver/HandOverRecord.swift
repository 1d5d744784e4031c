/// All that one daemon passes to the next: sections, and how many descriptors come with each.
public struct HandOverRecord: Hashable, Sendable {
    /// What programs of other versions can't read.
    public static let version: UInt16 = 2

    public enum Section: UInt16, CaseIterable, Sendable {
        case listeners = 1
        case sessions = 2
        /// SYNs that wait, and what is remembered of others.
        case syns = 3
        case tracking = 4
        /// Orders that were given while the daemon ran.
        case orders = 5
        /// What has been found out about paths, and what clients have carried.
        case paths = 6
        /// What leads subflows to other boxes of a cluster.
        case peers = 7
    }

    public struct Part: Hashable, Sendable {
        public var bytes: [UInt8]
        public var descriptors: Int

        public init(_ bytes: [UInt8], descriptors: Int = 0) {
            self.bytes = bytes
            self.descriptors = descriptors
        }
    }

    private let parts: [Section: Part]

    /// Sections that are left out are empty.
    public init(_ parts: [Section: Part]) {
        self.parts = Dictionary(uniqueKeysWithValues: Section.allCases.map { ($0, parts[$0] ?? Part([])) })
    }

    public subscript(section: Section) -> Part { parts[section]! }

    /// How many descriptors come with it, in the order of the sections.
    public var descriptors: Int { parts.values.reduce(0) { $0 + $1.descriptors } }

    private static let magic: UInt32 = 0x53_4c_48_4f

    public var encoded: [UInt8] {
        var writer = RecordWriter()
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(UInt16(parts.count))
        for section in Section.allCases {
            writer.write(section.rawValue)
            writer.write(UInt32(self[section].descriptors))
            writer.write(self[section].bytes)
        }
        return writer.bytes
    }

    /// `descriptors`: how many have come with it.
    public init(decoding bytes: [UInt8], descriptors: Int) throws(RecordError) {
        var reader = RecordReader(bytes)
        guard try reader.number(UInt32.self) == Self.magic else { throw .noRecord }
        let version = try reader.number(UInt16.self)
        guard version == Self.version else { throw .unknownVersion(version) }
        var parts: [Section: Part] = [:]
        for _ in 0..<(try reader.number(UInt16.self)) {
            let number = try reader.number(UInt16.self)
            guard let section = Section(rawValue: number), parts[section] == nil else { throw .section(number) }
            let count = Int(try reader.number(UInt32.self))
            parts[section] = Part(try reader.raw(), descriptors: count)
        }
        try reader.finish()
        for section in Section.allCases where parts[section] == nil { throw .section(section.rawValue) }
        self.parts = parts
        guard self.descriptors == descriptors else {
            throw .descriptors(expected: self.descriptors, found: descriptors)
        }
    }
}
