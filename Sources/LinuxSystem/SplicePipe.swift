import CLinux
import Glibc

/// A pipe by which bytes go from one socket to another without being copied to this process (splice(2)); empty between
/// two such moves. The calls return what splice(2) and read(2) do, and never block. SIGPIPE has to be blocked or ignored.
public struct SplicePipe: ~Copyable {
    private let output: Descriptor
    private let input: Descriptor

    /// `size`: bytes that it should hold; the kernel may give less, and then takes less at a time.
    public init(size: Int32) throws(SystemError) {
        var ends: (output: Int32, input: Int32) = (-1, -1)
        try systemCall("pipe2") {
            withUnsafeMutableBytes(of: &ends) { sluice_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self), size) }
        }
        self.init(output: Descriptor(owning: ends.output), input: Descriptor(owning: ends.input))
    }

    /// For tests: two ends that need not belong together.
    package init(output: consuming Descriptor, input: consuming Descriptor) {
        self.output = output
        self.input = input
    }

    /// Its reading end.
    var outputDescriptor: Int32 { output.rawValue }

    /// Takes up to `count` bytes from a socket; at the end of its stream 0.
    public borrowing func fill(from socket: Int32, _ count: Int) -> Int {
        sluice_splice(socket, input.rawValue, count)
    }

    /// Passes up to `count` bytes on to a socket.
    public borrowing func drain(to socket: Int32, _ count: Int) -> Int {
        sluice_splice(output.rawValue, socket, count)
    }

    /// Takes bytes out again.
    public borrowing func read(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        Glibc.read(output.rawValue, buffer, count)
    }
}
