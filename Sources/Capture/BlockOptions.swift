/// The options at the end of a pcapng block, one at a time (draft-ietf-opsawg-pcapng section 3.5): code, length of the
/// value, value, padding to four bytes. Code 0 ends them, and so does the block.
struct BlockOptions: ~Escapable {
    private let block: PcapngBlock
    private var start: Int
    private let end: Int

    /// `start` and `end` count from the block's first byte, and are multiples of four.
    @_lifetime(copy block)
    init(_ block: PcapngBlock, from start: Int, to end: Int) {
        self.block = block
        self.start = start
        self.end = end
    }

    mutating func next() throws(CaptureError) -> BlockOption? {
        guard start < end else { return nil }
        let code = block.bytes.uint16(at: start, block.order)
        guard code != 0 else { return nil }
        let length = block.bytes.uint16(at: start + 2, block.order)
        let value = start + 4..<start + 4 + Int(length)
        let option = BlockOption(code: code, value: value)
        guard value.upperBound <= end else { throw option.malformed(in: block) }
        start = value.upperBound.roundedUpToWord
        return option
    }
}

struct BlockOption {
    let code: UInt16
    /// Where in the block the value lies.
    let value: Range<Int>

    /// Where a value of this length lies.
    func value(of length: Int, in block: borrowing PcapngBlock) throws(CaptureError) -> Int {
        guard value.count == length else { throw malformed(in: block) }
        return value.lowerBound
    }

    func malformed(in block: borrowing PcapngBlock) -> CaptureError {
        .badOption(code: code, length: UInt16(value.count), offset: block.offset + value.lowerBound - 4)
    }
}

extension Int {
    /// The next multiple of four.
    var roundedUpToWord: Int { (self + 3) & ~3 }
}

extension Range<Int> {
    /// The first `count` of it.
    func prefix(_ count: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + count) }
}
