/// What the two daemons say to each other; descriptors go beside it.
public enum HandOverMessage: Hashable, Sendable {
    /// New: the version of the records that it reads.
    case hello(UInt16)
    /// Old: what it has that is there from the start to the end (`HandOverOffer`).
    case offer([UInt8])
    /// New: all is made that can be without the record.
    case prepared
    /// Old: a piece of the record, and whether it is the last.
    case record([UInt8], isLast: Bool)
    /// New: it has taken all of it.
    case ready
    /// Old: it is the new one's from now on. `isSubstituted`: the sentinel has let packets go meanwhile.
    case commit(isSubstituted: Bool)
    /// Old: it has closed what mustn't be there twice: a listener that nobody accepts from would get connections as long as
    /// another stands beside it on its port (SO_REUSEPORT).
    case cleared
    /// New: it is at work.
    case begun
    /// Either: why not.
    case refused(String)

    public var encoded: [UInt8] {
        var writer = RecordWriter()
        switch self {
        case .hello(let version):
            writer.write(UInt8(1))
            writer.write(version)
        case .offer(let bytes):
            writer.write(UInt8(2))
            writer.write(bytes)
        case .prepared: writer.write(UInt8(3))
        case .record(let bytes, let isLast):
            writer.write(UInt8(4))
            writer.write(isLast)
            writer.write(bytes)
        case .ready: writer.write(UInt8(5))
        case .commit(let isSubstituted):
            writer.write(UInt8(6))
            writer.write(isSubstituted)
        case .cleared: writer.write(UInt8(9))
        case .begun: writer.write(UInt8(7))
        case .refused(let reason):
            writer.write(UInt8(8))
            writer.write(reason)
        }
        return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(RecordError) {
        var reader = RecordReader(bytes)
        switch try reader.number(UInt8.self) {
        case 1: self = .hello(try reader.number())
        case 2: self = .offer(try reader.raw())
        case 3: self = .prepared
        case 4:
            let isLast = try reader.flag()
            self = .record(try reader.raw(), isLast: isLast)
        case 5: self = .ready
        case 6: self = .commit(isSubstituted: try reader.flag())
        case 7: self = .begun
        case 8: self = .refused(try reader.text())
        case 9: self = .cleared
        default: throw .value("message")
        }
        try reader.finish()
    }
}
