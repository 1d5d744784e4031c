/// What the daemon that takes another one's place does next; as `GivingSide`, it has no clock and no socket.
public struct TakingSide: Sendable {
    public enum Event: Hashable, Sendable {
        case message(HandOverMessage)
        /// What was to be done has been done.
        case done
        case failed(String)
        /// The old one has ended.
        case gone
    }

    public enum Action: Hashable, Sendable {
        /// Make everything that can be made without the record.
        case prepare([UInt8])
        /// Say that it is done, and wait for the record.
        case sayPrepared
        /// Keep a piece of the record.
        case keep([UInt8])
        /// The record is whole: take over what it says.
        case adopt([UInt8])
        case sayReady
        /// Wait until the other one has cleared its listeners, for `clearanceTime` at most.
        case awaitClearance
        /// It is this one's.
        case begin(isSubstituted: Bool)
        /// End without touching anything, having said why if there is a reason that the old one doesn't know.
        case leave(String, isTold: Bool)
    }

    private enum State: Hashable {
        case waitingForOffer
        case preparing
        case waitingForRecord
        case adopting
        case waitingForCommit
        /// All is this one's, whatever comes.
        case waitingForClearance(isSubstituted: Bool)
        case over
    }

    private var state = State.waitingForOffer

    /// How long the other one may take to close some descriptors.
    public static let clearanceTime = Duration.milliseconds(500)

    public init() {}

    /// nil: nothing is to be done any more.
    public mutating func next(_ event: Event) -> Action? {
        switch (state, event) {
        case (.over, _): return nil
        case (.waitingForOffer, .message(.offer(let bytes))): return enter(.preparing, .prepare(bytes))
        case (.preparing, .done): return enter(.waitingForRecord, .sayPrepared)
        case (.waitingForRecord, .message(.record(let bytes, isLast: false))): return .keep(bytes)
        case (.waitingForRecord, .message(.record(let bytes, isLast: true))): return enter(.adopting, .adopt(bytes))
        case (.adopting, .done): return enter(.waitingForCommit, .sayReady)
        case (.waitingForCommit, .message(.commit(let isSubstituted))):
            return enter(.waitingForClearance(isSubstituted: isSubstituted), .awaitClearance)
        case (.waitingForClearance(let isSubstituted), _):
            return enter(.over, .begin(isSubstituted: isSubstituted))
        case (_, .failed(let reason)): return enter(.over, .leave(reason, isTold: true))
        case (_, .gone): return enter(.over, .leave("the running daemon has broken off", isTold: false))
        case (_, .message(.refused(let reason))): return enter(.over, .leave(reason, isTold: false))
        default: return enter(.over, .leave("the running daemon said something that doesn't belong here", isTold: true))
        }
    }

    private mutating func enter(_ next: State, _ action: Action) -> Action {
        state = next
        return action
    }
}
