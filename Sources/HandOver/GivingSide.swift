/// What the daemon that is replaced does next. It has no clock and no socket: whoever drives it says when nothing has come
/// for as long as `patience` says.
public struct GivingSide: Sendable {
    public enum Event: Hashable, Sendable {
        case message(HandOverMessage)
        /// Nothing has come for too long.
        case silence
        /// The new one has ended, or can't be reached; in words.
        case gone(String)
    }

    public enum Action: Hashable, Sendable {
        case offer
        /// Stand still, and send the record.
        case freezeAndTransfer
        /// From here on there is no way back.
        case commit
        /// The new one is at work: end, and leave all as it is.
        case leave
        /// End the new one; and go on, if all stands still.
        case abandon(String, isFrozen: Bool)
        /// After the commit: the new one hasn't said that it is at work. There is nothing left to go on with.
        case leaveAnyway(String)
    }

    private enum State: Hashable {
        case waitingForHello
        case waitingForPreparation
        case waitingForReady
        case waitingForBeginning
        case over
    }

    private var state = State.waitingForHello

    public init() {}

    /// How long the next message may take. Nothing stands still while the new one prepares itself.
    public var patience: Duration {
        switch state {
        case .waitingForHello: Self.startTime
        case .waitingForPreparation: Self.preparationTime
        case .waitingForReady, .waitingForBeginning, .over: Self.answerTime
        }
    }

    /// For an answer while everything stands still.
    public static let answerTime = Duration.seconds(2)
    /// For a program to start and read its file.
    public static let startTime = Duration.seconds(5)
    /// For it to prepare itself, which takes longer on a router with ten thousands of rules.
    public static let preparationTime = Duration.seconds(20)

    /// nil: nothing is to be done any more.
    public mutating func next(_ event: Event) -> Action? {
        switch (state, event) {
        case (.over, _): return nil
        case (.waitingForHello, .message(.hello(HandOverRecord.version))):
            state = .waitingForPreparation
            return .offer
        case (.waitingForHello, .message(.hello(let version))):
            return abandon(
                "it reads records of version \(version), and this daemon writes version \(HandOverRecord.version); restart"
            )
        case (.waitingForPreparation, .message(.prepared)):
            state = .waitingForReady
            return .freezeAndTransfer
        case (.waitingForReady, .message(.ready)):
            state = .waitingForBeginning
            return .commit
        case (.waitingForBeginning, .message(.begun)):
            state = .over
            return .leave
        case (.waitingForBeginning, _):
            state = .over
            return .leaveAnyway(Self.reason(event))
        default: return abandon(Self.reason(event))
        }
    }

    /// The commit could not be sent: it hasn't been made.
    public mutating func failedToCommit(_ reason: String) -> Action {
        state = .over
        return .abandon(reason, isFrozen: true)
    }

    private mutating func abandon(_ reason: String) -> Action {
        defer { state = .over }
        return .abandon(reason, isFrozen: state == .waitingForReady)
    }

    private static func reason(_ event: Event) -> String {
        switch event {
        case .message(.refused(let reason)): reason
        case .message: "it said something that doesn't belong here"
        case .silence: "it didn't answer in time"
        case .gone(let how): how
        }
    }
}
