// The keys of `[sessions]`.

import Wire

extension Settings.Sessions {
    mutating func read(_ section: Section) {
        section.read(&log, "log", .sessionLog)
        section.read(&rotateSize, "rotate_size", .size(ByteCount(bytes: 64 << 10)...ByteCount(bytes: 1 << 40)))
        section.read(&rotateCount, "rotate_count", .integer(1...1000))
    }
}

extension Form where Value == Settings.Sessions.Log {
    fileprivate static var sessionLog: Form {
        let example = "\"ipfix://192.0.2.1:4739\""
        return Form("\"journal\", an absolute path of a file, or a collector such as \(example)") {
            node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            if text == "journal" { return .journal }
            if text.hasPrefix("/") {
                // The kernel's PATH_MAX is 4096 with the closing zero; files that are put aside have a longer name.
                guard !text.hasSuffix("/"), text.utf8.count <= 4000, !text.utf8.contains(0) else {
                    throw Mismatch(node, "can't be a file's path")
                }
                return .file(text)
            }
            guard let scheme = text.firstRange(of: "://") else { throw Mismatch(node, "is no place for a log") }
            guard text[..<scheme.lowerBound] == "ipfix" else {
                throw Mismatch(node, "has the unknown scheme \"\(text[..<scheme.lowerBound])\"")
            }
            guard let (host, port) = collector(text[scheme.upperBound...]) else {
                throw Mismatch(
                    node, "is not ipfix://HOST:PORT", mend: "give \(example), \"ipfix://[2001:db8::1]:4739\" or a name")
            }
            return .ipfix(host: host, port: port)
        }
    }
}

/// `192.0.2.1:4739`, `[2001:db8::1]:4739`, or a name (RFC 1123 section 2.1) and a port.
private func collector(_ text: Substring) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0,
        text[text.index(after: colon)...].allSatisfy(\.isNumber)
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
        guard let address = IPAddress(host.dropFirst().dropLast()), !address.isIPv4 else { return nil }
        return (address.description, port)
    }
    if let address = IPAddress(host), address.isIPv4 { return (address.description, port) }
    // What has digits and dots alone was meant to be an address.
    guard host.wholeMatch(of: /[A-Za-z0-9]([A-Za-z0-9\-.]*[A-Za-z0-9])?/) != nil, host.utf8.count <= 253,
        host.contains(where: \.isLetter)
    else { return nil }
    return (String(host), port)
}
