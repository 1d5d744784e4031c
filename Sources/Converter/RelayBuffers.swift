import LinuxSystem

/// What a worker lends to one direction after the other while that is pumped.
struct RelayBuffers: ~Copyable {
    /// Where bytes are read to.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: HalfDuplex.largestChunk, alignment: 4096)
    /// Empty between two moves.
    let pipe: SplicePipe
    /// Has the pipe given back all that it was given?
    var isPipeSound = true
    /// For bytes that have to wait.
    var pending = PendingBuffers()

    init() throws(SystemError) { self.init(try SplicePipe(size: Int32(HalfDuplex.largestChunk) * 4)) }

    init(_ pipe: consuming SplicePipe) { self.pipe = pipe }

    deinit { scratch.deallocate() }

    /// Takes bytes out of the pipe to their places in `scratch`, from `start` up to `count`; returns how far it got.
    borrowing func emptyPipe(_ count: Int, into start: Int) -> Int {
        var end = start
        while end < count {
            guard case .success(let taken) = systemCallResult({ pipe.read(scratch.baseAddress! + end, count - end) }),
                taken > 0
            else { break }
            end += taken
        }
        return end
    }
}
