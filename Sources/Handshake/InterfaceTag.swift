/// Tells the box that a join is led to by which interface it came in: throttles and paths are about that one. In the SYN's urgent
/// pointer, which means nothing without URG (RFC 9293 section 3.1), on the link between the boxes alone. Boxes have the same
/// interfaces, by their names.
public enum InterfaceTag {
    /// 16 bits of FNV-1a of the name; never 0.
    public static func tag(of name: String) -> UInt16 {
        var hash: UInt32 = 2_166_136_261
        for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return max(1, UInt16(truncatingIfNeeded: hash ^ hash >> 16))
    }

    /// Which of these has that tag; nil: none, or more than one.
    public static func name(_ tag: UInt16, among names: some Sequence<String>) -> String? {
        let named = names.filter { self.tag(of: $0) == tag }
        return named.count == 1 ? named[0] : nil
    }
}
