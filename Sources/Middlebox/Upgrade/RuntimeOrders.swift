import HandOver
import Settings

/// What was ordered about throttles while the daemon ran, for a successor to order again; in the order in which it came. What
/// can't matter any more is left out.
struct RuntimeOrders: Hashable, Sendable {
    enum Order: Hashable, Sendable {
        /// The JSON that it was added by.
        case add(name: String, json: [UInt8])
        case set(name: String, download: String?, upload: String?)
        case clear(name: String)

        var name: String {
            switch self {
            case .add(let name, _), .set(let name, _, _), .clear(let name): name
            }
        }
    }

    private(set) var all: [Order] = []

    init() {}

    mutating func note(_ order: Order) {
        guard let last = all.lastIndex(where: { $0.name == order.name }) else { return all.append(order) }
        switch (all[last], order) {
        // The latest rates count.
        case (.set(_, let download, let upload), .set(let name, let newDownload, let newUpload)):
            all[last] = .set(name: name, download: newDownload ?? download, upload: newUpload ?? upload)
        // One of the file's stays cleared; of one that was added here nothing is left.
        case (_, .clear(let name)):
            let isFiles = if case .add? = all.first(where: { $0.name == name }) { false } else { true }
            all.removeAll { $0.name == name }
            if isFiles { all.append(order) }
        default: all.append(order)
        }
    }

    /// The file has been read anew: of what has changed there, the file counts (`RuleChange.file`).
    mutating func reread(_ before: [Settings.Throttle], _ after: [Settings.Throttle]) {
        let entries = { (throttles: [Settings.Throttle]) in
            Dictionary(throttles.map { ($0.name, $0) }) { _, last in last }
        }
        let (before, after) = (entries(before), entries(after))
        all.removeAll { before[$0.name] != after[$0.name] }
    }

    func write(to writer: inout RecordWriter) {
        writer.write(all: all) { writer, order in
            switch order {
            case .add(let name, let json):
                writer.write(UInt8(0))
                writer.write(name)
                writer.write(json)
            case .set(let name, let download, let upload):
                writer.write(UInt8(1))
                writer.write(name)
                writer.write(download) { $0.write($1) }
                writer.write(upload) { $0.write($1) }
            case .clear(let name):
                writer.write(UInt8(2))
                writer.write(name)
            }
        }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        all = try reader.all { (reader) throws(RecordError) in
            let kind = try reader.number(UInt8.self)
            let name = try reader.text()
            switch kind {
            case 0: return .add(name: name, json: try reader.raw())
            case 1:
                return .set(
                    name: name, download: try reader.optional { (reader) throws(RecordError) in try reader.text() },
                    upload: try reader.optional { (reader) throws(RecordError) in try reader.text() })
            case 2: return .clear(name: name)
            default: throw .value("order")
            }
        }
    }
}
