import LinuxSystem

/// What a worker lends to one direction after the other while that is pumped.
struct RelayBuffers: ~Copyable {
    /// Where bytes are read to.
    let scratch: UnsafeMutableRawBufferPointer
    /// Empty between two moves.
    let pipe: SplicePipe
    /// Has the pipe given back all that it was given?
    var isPipeSound = true
    /// For bytes that have to wait.
    var pending: PendingBuffers
    /// Where it is noted what is done here, if a crash is to be outlived.
    private let register: SessionRegister.Worker?
    private var slot = 0
    private var direction = 0

    init(_ register: SessionRegister.Worker? = nil) throws(SystemError) {
        self.init(try SplicePipe(size: Int32(HalfDuplex.largestChunk) * 4), register)
    }

    init(_ pipe: consuming SplicePipe, _ register: SessionRegister.Worker? = nil) {
        register?.note(pipe: pipe)
        self.pipe = pipe
        self.register = register
        scratch = register?.scratch ?? .allocate(byteCount: HalfDuplex.largestChunk, alignment: 4096)
        pending = PendingBuffers(register)
    }

    deinit { if register == nil { scratch.deallocate() } }

    /// They are lent to this direction of this session from now on: 0 to the server, 1 to the client.
    mutating func lend(to slot: Int, _ direction: Int) {
        self.slot = slot
        self.direction = direction
    }

    /// Bytes are about to be read; so many of this direction have gone before.
    func noteMove(from base: UInt64) { register?.noteMove(slot, direction, from: base) }

    /// Bytes wait in this buffer, behind so many that have gone before.
    func noteWaiting(in buffer: UnsafeMutableRawBufferPointer, from base: UInt64) {
        register?.noteWaiting(slot, direction, in: buffer, from: base)
    }

    func noteNothingWaits() { register?.noteNothingWaits(slot, direction) }

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
