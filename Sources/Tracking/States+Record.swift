import HandOver
import Wire

// States in the record of a hand-over: a number for each, and what belongs to it.

extension Host {
    init(from reader: inout RecordReader) throws(RecordError) {
        guard let host = Host(rawValue: try reader.number()) else { throw .value("host") }
        self = host
    }
}

extension FallbackReason {
    init(from reader: inout RecordReader) throws(RecordError) {
        guard let reason = FallbackReason(rawValue: try reader.text()) else { throw .value("reason of a fallback") }
        self = reason
    }
}

extension ConnectionState {
    func write(to writer: inout RecordWriter) {
        switch self {
        case .opening: writer.write(UInt8(0))
        case .answered: writer.write(UInt8(1))
        case .established: writer.write(UInt8(2))
        case .fallback(let reason):
            writer.write(UInt8(3))
            writer.write(reason.rawValue)
        case .closed: writer.write(UInt8(4))
        case .fastClosed(let host):
            writer.write(UInt8(5))
            writer.write(host.rawValue)
        }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        switch try reader.number(UInt8.self) {
        case 0: self = .opening
        case 1: self = .answered
        case 2: self = .established
        case 3: self = .fallback(try FallbackReason(from: &reader))
        case 4: self = .closed
        case 5: self = .fastClosed(by: try Host(from: &reader))
        default: throw .value("state of a connection")
        }
    }
}

extension SubflowState {
    func write(to writer: inout RecordWriter) {
        switch self {
        case .synSent: writer.write(UInt8(0))
        case .synReceived: writer.write(UInt8(1))
        case .established: writer.write(UInt8(2))
        case .halfClosed(let host):
            writer.write(UInt8(3))
            writer.write(host.rawValue)
        case .closed(let end):
            writer.write(UInt8(4))
            end.write(to: &writer)
        }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        switch try reader.number(UInt8.self) {
        case 0: self = .synSent
        case 1: self = .synReceived
        case 2: self = .established
        case 3: self = .halfClosed(by: try Host(from: &reader))
        case 4: self = .closed(try SubflowEnd(from: &reader))
        default: throw .value("state of a subflow")
        }
    }
}

extension SubflowEnd {
    func write(to writer: inout RecordWriter) {
        switch self {
        case .fin: writer.write(UInt8(0))
        case .reset(let host):
            writer.write(UInt8(1))
            writer.write(host.rawValue)
        case .resetWithReason(let reset, let host):
            writer.write(UInt8(2))
            writer.write(reset.flags)
            writer.write(reset.reason)
            writer.write(host.rawValue)
        case .addressRemoved(let host):
            writer.write(UInt8(3))
            writer.write(host.rawValue)
        case .fastClosed: writer.write(UInt8(4))
        case .joinRefused: writer.write(UInt8(5))
        case .reused: writer.write(UInt8(6))
        }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        switch try reader.number(UInt8.self) {
        case 0: self = .fin
        case 1: self = .reset(by: try Host(from: &reader))
        case 2:
            let reset = MPReset(flags: try reader.number(), reason: try reader.number())
            self = .resetWithReason(reset, by: try Host(from: &reader))
        case 3: self = .addressRemoved(by: try Host(from: &reader))
        case 4: self = .fastClosed
        case 5: self = .joinRefused
        case 6: self = .reused
        default: throw .value("end of a subflow")
        }
    }
}
