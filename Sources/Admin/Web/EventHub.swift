import Foundation

/// Makes the events of `GET /v1/events`, once for all who read them, and only while somebody does.
actor EventHub {
    private let answers: ControlServer.Answers
    private let pace: Pace
    private var readers: [ObjectIdentifier: EventReader] = [:]
    private var last: [PageSection: Data] = [:]
    private var making: Task<Void, Never>?
    private var findings: (report: [FindingReport], at: ContinuousClock.Instant)?
    private var checking: Task<Void, Never>?
    private var tookBefore = Duration.zero

    /// How many may read at a time.
    static let mostReaders = 16
    /// Connections in an event at most.
    static let mostConnections = 100
    /// Decisions about paths in an event at most.
    static let mostDecisions = 20

    /// How often is looked.
    struct Pace: Sendable {
        var interval: Duration = .seconds(1)
        /// A look that takes long is taken less often, so that all of them together are no more than this share of a core.
        var share = 0.02
        /// Until the machine is checked again.
        var findings: Duration = .seconds(600)

        /// How long to wait behind a look that took so long.
        func pause(after took: Duration) -> Duration { max(interval - took, took * (1 / share - 1)) }
    }

    init(_ answers: ControlServer.Answers, pace: Pace = Pace()) {
        self.answers = answers
        self.pace = pace
    }

    /// nil: as many read as may.
    func subscribe() -> EventReader? {
        guard readers.count < Self.mostReaders else { return nil }
        let reader = EventReader()
        readers[ObjectIdentifier(reader)] = reader
        reader.put(PageSection.allCases.compactMap { section in last[section].map { (section, $0) } })
        if making == nil { making = Task { await make() } }
        return reader
    }

    func leave(_ reader: EventReader) {
        readers[ObjectIdentifier(reader)] = nil
        reader.finish()
    }

    func stop() async {
        for reader in readers.values { reader.finish() }
        readers = [:]
        making?.cancel()
        checking?.cancel()
        await making?.value
        await checking?.value
    }

    private func make() async {
        while !readers.isEmpty, !Task.isCancelled {
            let began = ContinuousClock.now
            refreshFindings(began)
            let frames = await look()
            let news = frames.filter { last[$0.section] != $0.frame }
            for frame in news { last[frame.section] = frame.frame }
            for reader in readers.values { reader.put(news) }
            tookBefore = .now - began
            try? await Task.sleep(for: pace.pause(after: tookBefore))
        }
        last = [:]
        making = nil
    }

    private func look() async -> [(section: PageSection, frame: Data)] {
        let report = LookReport(
            time: (Date().timeIntervalSince1970 * 1000).rounded() / 1000, tookUs: UInt64(tookBefore / .microseconds(1)))
        var paths = await answers.paths()
        paths.decisions = paths.decisions.suffix(Self.mostDecisions)
        let (status, throttles) = (await answers.status(), await answers.throttles.list())
        var frames = [
            frame(.look, report), frame(.status, status), frame(.paths, paths), frame(.throttles, throttles),
            frame(.connections, await answers.busiest(Self.mostConnections)),
        ]
        if let findings { frames.append(frame(.findings, findings.report)) }
        return frames
    }

    /// It takes a second or so, and nothing waits for it.
    private func refreshFindings(_ now: ContinuousClock.Instant) {
        guard checking == nil, findings.map({ now - $0.at > pace.findings }) ?? true else { return }
        checking = Task {
            let report = await answers.findings()
            findings = (report, .now)
            checking = nil
        }
    }

    /// An event as it goes over the wire (WHATWG HTML, server-sent events): JSON has no line ends.
    private func frame(_ section: PageSection, _ report: some Encodable) -> (section: PageSection, frame: Data) {
        // Reports have nothing that can't be encoded but numbers that are none, which no report has.
        let json = (try? ControlServer.encoded(report)) ?? Data("null".utf8)
        return (section, Data("event: \(section.rawValue)\ndata: ".utf8) + json + Data("\n\n".utf8))
    }
}
