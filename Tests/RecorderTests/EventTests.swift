import Foundation
import LinuxSystem
import PacketTap
import Testing
import TraceOutput

@testable import Recorder

/// Steering events between packets.
@Suite(.timeLimit(.minutes(2))) struct EventTests {
    private static func event(_ reason: String = "why") -> SteeringEvent {
        SteeringEvent(
            time: WallClock.nanoseconds, rule: "overflow", path: "mobile", effect: "active", reason: reason)
    }

    private func file(_ studio: Studio, _ name: String) -> TraceTarget {
        .file(TraceFile(path: "\(studio.folder)/\(name)", format: .json, size: 1 << 30, count: 1))
    }

    private static func filter(_ text: String) throws -> PacketFilter { try TraceFilter(text).compiled { _ in 1 } }

    @Test("an event stands where it belongs by its time, whenever it is told") func order() async throws {
        try await withStudio(taps: 2) { studio in
            let id = try await studio.recorder.open(.all, file(studio, "t"))
            for number in 0..<20 {
                studio.taps[number % 2].note(UInt32(number))
                if number % 5 == 4 { studio.recorder.note(Self.event("\(number)"), decided: .now) }
            }
            let totals = try #require(await studio.recorder.close(id))
            #expect(totals.matched == 20 && totals.written == 20 && totals.dropped == 0)
            #expect(totals.events == 4 && totals.droppedEvents == 0)
            let lines = try studio.lines("t")
            #expect(lines.map { $0["frame"] as? Int } == Array(1...24))
            let said = lines.map { line in
                (line["steering"] as? [String: String])?["reason"].map { "after \($0)" }
                    ?? "\(line["seq"] as? Int ?? -1)"
            }
            #expect(
                said
                    == (0..<20).flatMap { number in
                        number % 5 == 4 ? ["\(number)", "after \(number)"] : ["\(number)"]
                    })
        }
    }

    @Test("a filter says whether there are events") func filters() async throws {
        try await withStudio { studio in
            let ids = [
                try await studio.recorder.open(Self.filter("port 40001"), file(studio, "port")),
                try await studio.recorder.open(Self.filter("port 40001 or steering"), file(studio, "both")),
                try await studio.recorder.open(Self.filter("steering"), file(studio, "events")),
            ]
            for number in 0..<4 { studio.taps[0].note(UInt32(number), from: 40000 + UInt16(number % 2)) }
            studio.recorder.note(Self.event(), decided: .now)
            var totals: [TraceTotals] = []
            for id in ids { totals.append(try #require(await studio.recorder.close(id))) }
            #expect(totals.map(\.written) == [2, 2, 0])
            #expect(totals.map(\.events) == [0, 1, 1])
            #expect(try ["port", "both", "events"].map { try studio.lines($0).count } == [2, 3, 1])
        }
    }

    @Test("who wants events alone is no work for packet threads") func noPackets() async throws {
        try await withStudio { studio in
            let id = try await studio.recorder.open(Self.filter("steering"), file(studio, "t"))
            #expect(!studio.taps[0].isActive)
            let other = try await studio.recorder.open(.all, file(studio, "u"))
            #expect(studio.taps[0].isActive)
            await studio.recorder.close(other)
            #expect(!studio.taps[0].isActive)
            studio.recorder.note(Self.event(), decided: .now)
            #expect(await studio.recorder.close(id)?.events == 1)
        }
    }

    @Test("a trace has what was decided while it ran") func span() async throws {
        try await withStudio { studio in
            let before = MonotonicTime.now
            let first = try await studio.recorder.open(.all, file(studio, "t"))
            studio.recorder.note(Self.event("before"), decided: before)
            studio.recorder.note(Self.event("while"), decided: .now)
            #expect(await studio.recorder.close(first)?.events == 1)
            // Nobody is there.
            studio.recorder.note(Self.event("behind"), decided: .now)
            let second = try await studio.recorder.open(.all, file(studio, "u"))
            #expect(await studio.recorder.close(second)?.events == 0)
            #expect(try studio.lines("t").compactMap { ($0["steering"] as? [String: String])?["reason"] } == ["while"])
        }
    }

    @Test("events that a reader has no room for are dropped and counted") func drops() async throws {
        try await withStudio { studio in
            let sink = LiveSink(limit: 1000)
            let id = try await studio.recorder.open(.all, .live(sink, .pcapng))
            for _ in 0..<100 { studio.recorder.note(Self.event(), decided: .now) }
            let totals = try #require(await studio.recorder.close(id))
            #expect(totals.events > 0 && totals.droppedEvents > 0 && totals.events + totals.droppedEvents == 100)
            #expect(totals.matched == 0 && totals.dropped == 0)
            let ended = try #require(await studio.recorder.totals().first { $0.kind == .ended })
            #expect(ended.events == totals.events && ended.droppedEvents == totals.droppedEvents)
            let sum = try #require(await studio.recorder.sums().first { $0.kind == .live })
            #expect(sum.events == totals.events && sum.droppedEvents == totals.droppedEvents)
        }
    }
}
