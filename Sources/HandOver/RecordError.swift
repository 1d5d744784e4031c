/// Why a record can't be read.
public enum RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It ends too early.
    case truncated
    /// It goes on behind its end, for so many bytes.
    case surplus(Int)
    /// It doesn't begin as records do.
    case noRecord
    /// It was written by a program whose records have another version.
    case unknownVersion(UInt16)
    /// A section that isn't known, comes twice, or is missing.
    case section(UInt16)
    /// What can't be, and where.
    case value(String)
    /// It speaks of another number of descriptors than have come.
    case descriptors(expected: Int, found: Int)

    public var description: String {
        switch self {
        case .truncated: "the record ends too early"
        case .surplus(let count): "the record goes on for \(count) bytes behind its end"
        case .noRecord: "this is no record of a hand-over"
        case .unknownVersion(let version):
            "the record has version \(version), and this program reads version \(HandOverRecord.version)"
        case .section(let number): "section \(number) of the record is not known, missing, or there twice"
        case .value(let what): "the record has an impossible \(what)"
        case .descriptors(let expected, let found): "the record has \(expected) descriptors, and \(found) came"
        }
    }
}
