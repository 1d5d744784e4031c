import Foundation

/// As much of JSON Schema (draft 2020-12, which OpenAPI 3.1 uses) as docs/api/openapi.json does; a word that it doesn't know
/// is an error.
struct JSONSchema {
    /// What `#/…` refers to.
    let root: [String: Any]

    private static let known: Set = [
        "type", "description", "properties", "required", "additionalProperties", "items", "enum", "minimum", "maximum",
        "pattern", "oneOf", "$ref", "minProperties",
    ]

    /// What is wrong with a value, each with its place.
    func faults(of value: Any, _ schema: [String: Any], at place: String = "$") -> [String] {
        let unknown = schema.keys.filter { !Self.known.contains($0) }
        guard unknown.isEmpty else { return ["\(place): the schema has \(unknown)"] }
        if let reference = schema["$ref"] as? String {
            guard let target = resolved(reference) else { return ["\(place): \(reference) is nowhere"] }
            return faults(of: value, target, at: place)
        }
        if let choices = schema["oneOf"] as? [[String: Any]] {
            let fitting = choices.filter { faults(of: value, $0, at: place).isEmpty }
            return fitting.count == 1 ? [] : ["\(place): \(fitting.count) of \(choices.count) choices fit"]
        }
        let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] } ?? []
        let type = Self.type(of: value)
        guard types.isEmpty || types.contains(type) || (type == "integer" && types.contains("number")) else {
            return ["\(place): \(type), not \(types)"]
        }
        return limitFaults(value, schema, place) + memberFaults(value, schema, place)
    }

    private func limitFaults(_ value: Any, _ schema: [String: Any], _ place: String) -> [String] {
        var faults: [String] = []
        if let words = schema["enum"] as? [Any], !words.contains(where: { "\($0)" == "\(value)" }) {
            faults.append("\(place): \(value) is none of \(words)")
        }
        if let number = value as? NSNumber, !(value is NSNull), Self.type(of: value) != "boolean" {
            if let minimum = schema["minimum"] as? Double, number.doubleValue < minimum {
                faults.append("\(place): \(number) is less than \(minimum)")
            }
            if let maximum = schema["maximum"] as? Double, number.doubleValue > maximum {
                faults.append("\(place): \(number) is more than \(maximum)")
            }
        }
        if let text = value as? String, let pattern = schema["pattern"] as? String,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            faults.append("\(place): \(text) isn't like \(pattern)")
        }
        return faults
    }

    private func memberFaults(_ value: Any, _ schema: [String: Any], _ place: String) -> [String] {
        if let array = value as? [Any] {
            guard let items = schema["items"] as? [String: Any] else { return ["\(place): no schema of items"] }
            return array.enumerated().flatMap { self.faults(of: $0.element, items, at: "\(place)[\($0.offset)]") }
        }
        guard let object = value as? [String: Any] else { return [] }
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        var faults = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(place): no \($0)" }
        if let least = schema["minProperties"] as? Int, object.count < least {
            faults.append("\(place): fewer than \(least) properties")
        }
        for (name, member) in object.sorted(by: { $0.key < $1.key }) {
            if let property = properties[name] ?? schema["additionalProperties"] as? [String: Any] {
                faults += self.faults(of: member, property, at: "\(place).\(name)")
            } else if schema["additionalProperties"] as? Bool == false {
                faults.append("\(place): \(name) isn't described")
            }
        }
        return faults
    }

    private func resolved(_ reference: String) -> [String: Any]? {
        reference.split(separator: "/").dropFirst().reduce(root as [String: Any]?) { $0?[String($1)] as? [String: Any] }
    }

    private static func type(of value: Any) -> String {
        switch value {
        case is NSNull: return "null"
        case is String: return "string"
        case is [Any]: return "array"
        case is [String: Any]: return "object"
        case let number as NSNumber:
            if String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B" { return "boolean" }
            return number.doubleValue == number.doubleValue.rounded() ? "integer" : "number"
        default: return "\(Swift.type(of: value))"
        }
    }
}
