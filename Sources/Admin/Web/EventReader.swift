import Foundation
import Synchronization

/// One who reads events as they come. One who is slow misses what is old by then: of each section the newest is kept.
final class EventReader: Sendable {
    private let waiting = Mutex<[PageSection: Data]>([:])
    /// Something waits.
    let news: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (news, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func put(_ frames: [(section: PageSection, frame: Data)]) {
        waiting.withLock { waiting in for frame in frames { waiting[frame.section] = frame.frame } }
        signal.yield()
    }

    /// What has come since the last call, in the order of the sections.
    func take() -> Data {
        let frames = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting
        }
        return PageSection.allCases.reduce(into: Data()) { $0 += frames[$1] ?? Data() }
    }

    func finish() { signal.finish() }
}
