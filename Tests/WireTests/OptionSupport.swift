import PacketForge
import Wire

/// What a SYN's options say, up to the first that isn't sound. They begin 40 bytes into the packet.
func read(_ options: [UInt8]) throws(WireError) -> (contents: [TCPOptionContent], error: WireError?) {
    let packet = PacketDraft(options: options).bytes
    return try Segment(packet.span.bytes).readOptions()
}

func content(_ option: [UInt8]) throws(WireError) -> TCPOptionContent? {
    let (contents, error) = try read(option)
    if let error { throw error }
    return contents.first
}

/// The error in reading the one option.
func optionError(_ option: [UInt8]) -> WireError? {
    do throws(WireError) {
        _ = try content(option)
        return nil
    } catch {
        return error
    }
}

/// Bytes 1, 2, 3 …, so that swapped and shifted fields show.
func counting(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 + 1) } }
