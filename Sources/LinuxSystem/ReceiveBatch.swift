import CLinux
import Glibc
import SystemPackage

/// Buffers for one `recvmmsg` round, allocated once: up to 64 datagrams of at most `stride` bytes each.
/// Owned by the thread that receives with it.
public struct ReceiveBatch: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer
    private let lengths: UnsafeMutableBufferPointer<UInt32>
    private let batch: OpaquePointer
    public let stride: Int

    public init(count: Int, stride: Int) {
        precondition((1...64).contains(count))
        buffer = .allocate(byteCount: count * stride, alignment: 64)
        lengths = .allocate(capacity: count)
        lengths.initialize(repeating: 0)
        guard let batch = sluice_batch_new(buffer.baseAddress, stride, UInt32(count)) else {
            fatalError("no memory for a batch of datagrams")
        }
        self.batch = batch
        self.stride = stride
    }

    deinit {
        free(UnsafeMutableRawPointer(batch))
        buffer.deallocate()
        lengths.deallocate()
    }

    /// Receives without blocking. How many datagrams came (0: none waiting), or the kernel's errno.
    public func receive(from descriptor: Int32) -> Result<Int, Errno> {
        switch systemCallResult({
            sluice_batch_receive(batch, descriptor, lengths.baseAddress)
        }) {
        case .success(let count): .success(Int(count))
        case .failure(.wouldBlock): .success(0)
        case .failure(let code): .failure(code)
        }
    }

    /// The i-th datagram of the last round; empty when it was longer than `stride`.
    @inlinable
    public subscript(index: Int) -> UnsafeMutableRawBufferPointer { datagram(index) }

    @usableFromInline
    func datagram(_ index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer[index * stride..<index * stride + Int(lengths[index])])
    }
}
