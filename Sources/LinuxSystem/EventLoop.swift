import CLinux
import Glibc

/// An epoll instance (epoll(7)). Owned by the thread that waits on it.
public struct EventLoop: ~Copyable {
    public struct Events: OptionSet, Sendable {
        public let rawValue: UInt32

        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let readable = Events(rawValue: EPOLLIN.rawValue)
        public static let writable = Events(rawValue: EPOLLOUT.rawValue)
        /// Reported whether asked for or not.
        public static let hangup = Events(rawValue: EPOLLHUP.rawValue)
        /// Reported whether asked for or not.
        public static let error = Events(rawValue: EPOLLERR.rawValue)
        public static let edgeTriggered = Events(rawValue: EPOLLET.rawValue)
    }

    private let epoll: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// `capacity`: how many events one wait may report.
    public init(capacity: Int = 256) throws(SystemError) {
        epoll = Descriptor(owning: try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        events = .allocate(capacity: capacity)
        events.initialize(repeating: epoll_event())
    }

    deinit { events.deallocate() }

    /// Watches a descriptor; `tag` comes back with its events. Closing the descriptor ends the watch.
    public func add(_ descriptor: Int32, _ interest: Events, tag: UInt64) throws(SystemError) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: tag))
        try systemCall("epoll_ctl add \(descriptor)") {
            epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, descriptor, &event)
        }
    }

    /// Watches a descriptor that is watched already for other events.
    public func change(_ descriptor: Int32, _ interest: Events, tag: UInt64) throws(SystemError) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: tag))
        try systemCall("epoll_ctl mod \(descriptor)") {
            epoll_ctl(epoll.rawValue, EPOLL_CTL_MOD, descriptor, &event)
        }
    }

    /// Ends the watch of a descriptor that is still open, here or, by way of another descriptor, elsewhere.
    public func remove(_ descriptor: Int32) {
        _ = epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Waits at most `timeout` milliseconds (-1: without end) and hands each event to `body`. A signal, SIGCONT above
    /// all, ends the wait early; what has happened until then is reported, so that no deadline overtakes it.
    public func wait(timeout: Int32, _ body: (_ tag: UInt64, _ events: Events) -> Void) {
        var count = epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), timeout)
        if count < 0, errno == EINTR { count = epoll_wait(epoll.rawValue, events.baseAddress, Int32(events.count), 0) }
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed on a descriptor of ours")
        for index in 0..<max(0, Int(count)) {
            let event = events[index]
            body(event.data.u64, Events(rawValue: event.events))
        }
    }
}
