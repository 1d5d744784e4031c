// PacketForge: the other direction of Wire, for tests, fuzzing and benchmarks. It makes bytes of option values and
// segments of drafts, right or wrong, and draws random values of every form from a seed, so that what a test has seen
// can be seen again.
//
// It is written from the RFCs and shares no code with Wire's parser: both would have to misread a section in the same
// way for a test to miss it. It is not fast and not for the packet path.

/// The bytes of `value` in network order.
public func big(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
