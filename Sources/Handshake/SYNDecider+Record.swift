public import HandOver
import Wire

// What is remembered of SYNs that have been decided about, in the record of a hand-over: a retransmission is to be treated as the
// first was. What is held isn't among it: nothing is while daemons are exchanged.

extension SYNDecider {
    public func write(to writer: inout RecordWriter, at now: UInt64) {
        writer.write(all: passed.all(at: now)) { writer, entry in
            writer.write(entry.key)
            writer.write(entry.expiry)
        }
        writer.write(all: injected.all(at: now)) { writer, entry in
            writer.write(entry.key)
            writer.write(entry.value)
        }
    }

    public mutating func adopt(from reader: inout RecordReader, at now: UInt64) throws(RecordError) {
        for _ in 0..<(try reader.number(UInt32.self)) {
            let syn = try reader.syn()
            let expiry = try reader.number(UInt64.self)
            guard expiry > now else { continue }
            passed.remember(true, for: syn, at: now, lifetime: min(expiry - now, Self.passedLifetime))
        }
        for _ in 0..<(try reader.number(UInt32.self)) {
            injected.note(try reader.syn(), at: min(try reader.number(), now))
        }
    }
}

extension RecordWriter {
    fileprivate mutating func write(_ syn: SYNIdentity) {
        write(syn.tuple)
        write(syn.sequence.rawValue)
    }
}

extension RecordReader {
    fileprivate mutating func syn() throws(RecordError) -> SYNIdentity {
        SYNIdentity(tuple: try tuple(), sequence: SequenceNumber(try number()))
    }
}
