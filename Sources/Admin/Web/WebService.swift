import Foundation

/// What can be asked over TCP, by browsers and Prometheus: nothing that changes something, and no packets.
struct WebService: Sendable {
    private let listener: WebListener
    private let hub: EventHub

    /// Returns once it answers. Throws `HTTPAddressError`.
    static func start(
        on setting: HTTPSetting, limits: WebListener.Limits = .init(), pace: EventHub.Pace = .init(),
        _ answers: ControlServer.Answers
    ) async throws(HTTPAddressError) -> WebService {
        let hub = EventHub(answers, pace: pace)
        let routes = WebRoutes(
            policy: AccessPolicy(token: setting.token, names: setting.names), answers: answers, hub: hub)
        let listener = try await WebListener.start(on: setting.address, limits: limits) {
            await hub.leave($0)
        } answer: {
            await routes.reply(to: $0)
        }
        return WebService(listener: listener, hub: hub)
    }

    func stop() async {
        await hub.stop()
        await listener.stop()
    }
}

/// Where HTTP is served over TCP, and to whom.
public struct HTTPSetting: Sendable {
    public let address: HTTPAddress
    /// nil: to whoever reaches the address.
    public let token: HTTPToken?
    /// Names by which browsers may come, besides addresses and `localhost`.
    public let names: [String]

    public init(address: HTTPAddress, token: HTTPToken?, names: [String]) {
        self.address = address
        self.token = token
        self.names = names
    }
}

/// Which answer a request gets.
struct WebRoutes: Sendable {
    let policy: AccessPolicy
    let answers: ControlServer.Answers
    let hub: EventHub
    private let turns = Turns()

    init(policy: AccessPolicy, answers: ControlServer.Answers, hub: EventHub) {
        self.policy = policy
        self.answers = answers
        self.hub = hub
    }

    func reply(to head: RequestHead) async -> Reply {
        if let refusal = policy.refusal(of: head) { return refusal }
        switch head.path {
        case "/": return Page.reply()
        case "/v1/events": return await events(isHead: head.method == "HEAD")
        case "/metrics":
            return await turns.take { [answers] in
                Reply(200, type: MetricsText.contentType, body: .data(Data(await answers.metrics().utf8)))
            }
        case "/v1/status": return await json(answers.status)
        case "/v1/connections": return await json(answers.connections)
        case "/v1/throttles": return await json(answers.throttles.list)
        case "/v1/paths": return await json(answers.paths)
        default: return .error(404, "there is nothing at \(head.path.prefix(80)); see docs/page.md for what there is")
        }
    }

    private func events(isHead: Bool) async -> Reply {
        guard !isHead else { return Reply(200, type: Self.eventStream, body: .data(Data())) }
        guard let reader = await hub.subscribe() else {
            return .busy("\(EventHub.mostReaders) pages are open")
        }
        return Reply(200, type: Self.eventStream, body: .events(reader))
    }

    private static let eventStream = "text/event-stream"

    private func json<Report: Encodable & Sendable>(_ answer: @escaping @Sendable () async -> Report) async -> Reply {
        await turns.take {
            guard let body = try? ControlServer.encoded(await answer()) else {
                return .error(500, "the answer can't be written; the log may say more")
            }
            return Reply(200, type: "application/json", body: .data(body + Data("\n".utf8)))
        }
    }
}

/// Lets answers be made one after the other: many who ask at once cost no more than one does.
private actor Turns {
    private var last: Task<Reply, Never>?

    func take(_ body: @escaping @Sendable () async -> Reply) async -> Reply {
        let before = last
        let task = Task {
            _ = await before?.value
            return await body()
        }
        last = task
        return await task.value
    }
}
