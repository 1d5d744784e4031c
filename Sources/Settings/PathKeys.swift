// The keys of `[[path]]`, and how rules name one.

import Base
import Wire

extension Settings.Path {
    init(_ section: Section) {
        self.init(name: "")
        section.require(&name, "name", .pathName)
        section.read(&interface, "interface", .interfaceName)
        section.read(&clients, "clients", .prefixes)
        if section.has("interface") && section.has("clients") {
            section.report("clients", "together with interface", mend: "give one of the two")
        } else if !section.has("interface") && !section.has("clients") {
            section.report(
                nil, "neither interface nor clients is given",
                mend: "give one of them, such as interface = \"lan0\"")
        }
        let both = section.value("capacity", Form<BitRate>.capacity)
        (capacityDownload, capacityUpload) = (both, both)
        section.read(&capacityDownload, "capacity_download", .capacity)
        section.read(&capacityUpload, "capacity_upload", .capacity)
        for key in ["capacity_download", "capacity_upload"] where section.has("capacity") && section.has(key) {
            section.report(key, "together with capacity", mend: "give capacity, or one for each direction")
        }
        section.read(&cost, "cost", .integer(0...1000))
        section.read(&cap, "cap", .volumeCap)
        section.read(&clientCap, "client_cap", .volumeCap)
        if section.has("cap"), section.has("clients"), !section.has("interface") {
            section.report(
                "cap", "without interface: of client addresses not all is counted",
                mend: "give interface instead of clients, or remove it")
        }
    }
}

extension [Settings.Path] {
    /// What paths have against each other.
    var conflicts: [Conflict] {
        let most = Settings.Path.mostPaths
        guard count <= most else {
            return [Conflict(index: most, problem: "more than \(most) paths", mend: "remove some")]
        }
        return indices.flatMap(conflicts)
    }

    private func conflicts(at index: Int) -> [Conflict] {
        let (path, earlier) = (self[index], self[..<index])
        var conflicts: [Conflict] = []
        if earlier.contains(where: { $0.name == path.name }) {
            conflicts.append(
                Conflict(
                    index: index, key: "name", problem: "an earlier path has this name as well",
                    mend: "give each path a name of its own"))
        }
        if let interface = path.interface, let other = earlier.first(where: { $0.interface == interface }) {
            conflicts.append(
                Conflict(
                    index: index, key: "interface", problem: "\(interface) is that of \"\(other.name)\" as well",
                    mend: "give each path an interface of its own, or make one path of the two"))
        }
        for prefix in path.clients {
            for other in earlier {
                guard let twin = other.clients.first(where: { $0.contains(prefix) || prefix.contains($0) }) else {
                    continue
                }
                conflicts.append(
                    Conflict(
                        index: index, key: "clients", problem: "\(prefix) overlaps \(twin) of \"\(other.name)\"",
                        mend: "give each path clients of its own"))
            }
        }
        return conflicts
    }
}

// MARK: - References

/// The names that rules may call a path by. Those of tables that are wrong otherwise are among them, so that one mistake
/// is reported once.
struct DeclaredPaths {
    let names: [String]

    /// Reports at `keys` a name that no path has.
    func check(_ name: String, _ section: Section, _ keys: [String]) {
        guard !names.contains(name) else { return }
        let all = names.prefix(Settings.Path.mostPaths).map { String(reflecting: $0) }
        let others = all.isEmpty ? "" : all.count == 1 ? ", only \(all[0])" : ", only \(all.joined(or: "and"))"
        let mend =
            if let near = nearest(to: name, among: names) {
                "did you mean \(near)?"
            } else if names.isEmpty {
                "declare it: write [[path]], and below it name, and interface or clients"
            } else {
                "name one of these, or declare it"
            }
        section.report(keys, "there is no [[path]] \(String(reflecting: name))\(others)", mend: mend)
    }
}

extension [Entry<Settings.Path>] {
    var declared: DeclaredPaths {
        DeclaredPaths(names: compactMap { $0.section.members["name"]?.string })
    }
}

extension Form where Value == String {
    /// Whether there is such a path is for `DeclaredPaths`.
    static var pathReference: Form { .text("the name of a [[path]]") { $0 } }
}

// MARK: - Forms

extension Form where Value == Settings.Path.VolumeCap {
    /// `"50GB/month"`
    fileprivate static var volumeCap: Form {
        let size = Form<ByteCount>.size(ByteCount(bytes: 1)...ByteCount(bytes: 1 << 50))
        return Form(
            "a size per day, week or month, such as \"50GB/month\" (B, kB, MB, GB, KiB, MiB, GiB; at most 1048576GiB)"
        ) { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard let bytes = UnitScale.size.value(parts[0]) else { throw Mismatch(node, "is not a volume") }
            guard bytes > 0 else {
                throw Mismatch(
                    node, "would let it carry nothing", mend: "leave it out, or keep the path out of the rules")
            }
            guard parts.count > 1 else { throw Mismatch(node, "has no period") }
            guard parts.count == 2, let period = Value.Period(rawValue: parts[1]) else {
                throw Mismatch(node, "is not a volume")
            }
            guard (try? size.read(.integer(bytes))) != nil else { throw .range(of: node) }
            return Value(bytes: ByteCount(bytes: bytes), period: period)
        }
    }
}

extension Form where Value == Double {
    /// `"2.5%"`, as a share; the range is in percent.
    static func share(_ range: ClosedRange<Double>) -> Form {
        let text = { (value: Double) in value == value.rounded() ? "\(Int(value))%" : "\(value)%" }
        return Form("a percentage from \"\(text(range.lowerBound))\" to \"\(text(range.upperBound))\"") {
            node throws(Mismatch) in
            if node.int != nil { throw Mismatch(node, "has no unit") }
            guard let text = node.string else { throw .type(of: node) }
            guard let match = text.wholeMatch(of: /([0-9]+(?:\.[0-9]+)?)%/), let number = Double(match.1) else {
                throw Mismatch(node, "is not a percentage")
            }
            guard range.contains(number) else { throw .range(of: node) }
            return number / 100
        }
    }
}
