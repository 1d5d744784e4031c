import Glibc
import SystemPackage

/// A system call that failed: which one, on what, and the kernel's errno.
public struct SystemError: Error, Hashable, CustomStringConvertible {
    /// What was attempted, e.g. `bind 127.77.0.1:80`.
    public let operation: String
    public let errno: Errno

    public init(_ operation: String, _ errno: Errno) {
        self.operation = operation
        self.errno = errno
    }

    public var description: String { "\(operation): \(errno.description)" }
}

/// The one way into the kernel: repeats a call that a signal interrupted, and turns -1 into a thrown `SystemError`.
@inlinable
@discardableResult
public func systemCall<Result: FixedWidthInteger & SignedInteger>(
    _ operation: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let code = Errno(rawValue: Glibc.errno)
        if code != .interrupted { throw SystemError(operation(), code) }
    }
}

/// As `systemCall`, for calls whose failure is an ordinary outcome: EAGAIN and the like come back as a value, without
/// the cost of an error.
@inlinable
public func systemCallResult<Value: FixedWidthInteger & SignedInteger>(_ call: () -> Value) -> Result<Value, Errno> {
    while true {
        let result = call()
        if result != -1 { return .success(result) }
        let code = Errno(rawValue: Glibc.errno)
        if code != .interrupted { return .failure(code) }
    }
}
