internal import Foundation
internal import TOMLKit

/// A value as it was given, in TOML or in JSON, before anybody knows what it is to be.
enum Node {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case float(Double)
    case array([Node])
    case table([String: Node])
    /// JSON's null.
    case null

    var int: Int? { if case .integer(let number) = self { number } else { nil } }
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var array: [Node]? { if case .array(let elements) = self { elements } else { nil } }
    var table: [String: Node]? { if case .table(let members) = self { members } else { nil } }
}

// MARK: - TOML

extension Node {
    /// `KeyLines` has bounded the depth, and refused dates.
    init(_ value: any TOMLValueConvertible) {
        switch value.type {
        case .string: self = value.string.map(Node.string) ?? .null
        case .int: self = value.int.map(Node.integer) ?? .null
        case .bool: self = value.bool.map(Node.boolean) ?? .null
        case .double: self = value.double.map(Node.float) ?? .null
        case .array: self = .array((value.array ?? []).map { Node($0) })
        case .table: self = .table(value.table.map(Self.members) ?? [:])
        case .date, .time, .dateTime: self = .null
        }
    }

    static func members(of table: TOMLTable) -> [String: Node] {
        Dictionary(table.keys.map { ($0, table[$0].map { Node($0) } ?? .null) }) { first, _ in first }
    }
}

// MARK: - JSON

extension Node {
    /// Bytes; no rule is as large.
    private static let largestJSON = 16 << 10

    /// The members of one JSON object (RFC 8259); nil when the bytes are something else, or too many.
    static func members(json: [UInt8]) -> [String: Node]? {
        guard json.count <= largestJSON else { return nil }
        return try? JSONDecoder().decode([String: FromJSON].self, from: Data(json)).mapValues(\.node)
    }

    /// No setting has a list of lists or a table: what is in those isn't looked at, so that no nesting costs stack.
    private struct FromJSON: Decodable {
        let node: Node

        init(from decoder: any Decoder) throws {
            guard var list = try? decoder.unkeyedContainer() else {
                node = Node(scalar: try decoder.singleValueContainer())
                return
            }
            var elements: [Node] = []
            while !list.isAtEnd { elements.append(try list.decode(ElementFromJSON.self).node) }
            node = .array(elements)
        }
    }

    private struct ElementFromJSON: Decodable {
        let node: Node

        init(from decoder: any Decoder) throws {
            let isArray = (try? decoder.unkeyedContainer()) != nil
            node = isArray ? .array([]) : Node(scalar: try decoder.singleValueContainer())
        }
    }

    private init(scalar container: any SingleValueDecodingContainer) {
        self =
            if container.decodeNil() {
                .null
            } else if let text = try? container.decode(String.self) {
                .string(text)
            } else if let value = try? container.decode(Bool.self) {
                .boolean(value)
            } else if let number = try? container.decode(Int.self) {
                .integer(number)
            } else if let number = try? container.decode(Double.self) {
                .float(number)
            } else if (try? container.decode([String: Ignored].self)) != nil {
                .table([:])
            } else {
                // What even a Double doesn't hold.
                .float(.infinity)
            }
    }

    private struct Ignored: Decodable {
        init(from decoder: any Decoder) {}
    }
}
