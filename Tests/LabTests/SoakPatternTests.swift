import Testing

@testable import Lab

/// The bytes of a soak: the same from everywhere, different everywhere, and traced back to where they belong.
struct SoakPatternTests {
    private static let stream = SoakStream(number: 77)

    @Test func scramblingIsUndone() {
        var random = SoakRandom(seed: 5, purpose: 9)
        for _ in 0..<1000 {
            let value = random.next()
            #expect(SoakRandom.unmix(SoakRandom.mix(value)) == value)
        }
    }

    /// Whatever is asked for at once, from whatever offset on.
    @Test(arguments: [0, 1, 63, 64, 65, 4095, 65_535, 65_536, 1_000_003] as [UInt64])
    func partsAreTheSameAsTheWhole(_ offset: UInt64) {
        let whole = SoakWindow.array(Self.stream, at: 0, count: 1_200_000)
        for count in [1, 7, 64, 130, 70_000] {
            #expect(
                SoakWindow.array(Self.stream, at: offset, count: count)[...]
                    == whole[Int(offset)..<Int(offset) + count])
        }
    }

    /// Of random bytes, one in 256 is the same by chance. Shifts by whole units and blocks are where a pattern of a period
    /// would be.
    @Test(arguments: [1, 8, 64, 128, 4096, 65_536, 1 << 20, 1 << 24, 1 << 32, 1 << 38] as [UInt64])
    func noByteIsThatOfAnotherPlace(_ shift: UInt64) {
        let count = 200_000
        let here = SoakWindow.array(Self.stream, at: 0, count: count)
        let there = SoakWindow.array(Self.stream, at: shift, count: count)
        #expect(Double(zip(here, there).count { $0 == $1 }) < 1.3 * Double(count) / 256)
    }

    @Test(arguments: [76, 78, 0, 1 << 23] as [UInt32])
    func noByteIsThatOfAnotherStream(_ number: UInt32) {
        let count = 200_000
        let here = SoakWindow.array(Self.stream, at: 0, count: count)
        let there = SoakWindow.array(SoakStream(number: number), at: 0, count: count)
        #expect(Double(zip(here, there).count { $0 == $1 }) < 1.3 * Double(count) / 256)
    }

    // MARK: - Damage

    private static func damage(
        at offset: UInt64 = 1_000_000, count: Int = 100_000, _ change: (inout [UInt8]) -> Void
    ) -> SoakFault.Damage? {
        var received = SoakWindow.array(stream, at: offset, count: count)
        change(&received)
        return received.withUnsafeBytes { bytes in
            SoakFault.Damage(bytes, stream, at: offset) { $0.stream.number < 100 && $0.offset < 1 << 33 }
        }
    }

    @Test func whatIsRightIsNotDamaged() {
        #expect(Self.damage { _ in } == nil)
    }

    @Test(arguments: [0, 1, 63, 64, 50_000, 99_999]) func oneBitIsFound(_ index: Int) throws {
        let damage = try #require(Self.damage { $0[index] ^= 0x10 })
        #expect(damage.offset == 1_000_000 + UInt64(index))
        #expect(damage.wrong == 1 && damage.span == 1)
        #expect(damage.origin == nil, "a single byte has no home")
        #expect(damage.expected.utf8.count == damage.got.utf8.count)
        #expect(zip(damage.expected, damage.got).count { $0 != $1 } == 1, "a digit of 64 bytes")
    }

    /// A segment's payload from earlier in the stream, say one that was sent again in the wrong place.
    @Test(arguments: [1, 71, 1448, 65_536, 100_000] as [UInt64])
    func bytesThatCameTooLateAreLocated(_ back: UInt64) throws {
        let damage = try #require(
            Self.damage { bytes in
                bytes.replaceSubrange(
                    5000..<6448, with: SoakWindow.array(Self.stream, at: 1_005_000 - back, count: 1448))
            })
        let origin = try #require(damage.origin)
        #expect(origin.contains("of the same stream, \(back) back"), "\(origin)")
    }

    @Test func lostBytesAreLocated() throws {
        let damage = try #require(
            Self.damage(count: 50_000) {
                $0.replaceSubrange(700..., with: SoakWindow.array(Self.stream, at: 1_002_148, count: 49_300))
            }
        )
        #expect((1_000_700...1_000_703).contains(damage.offset))
        #expect(try #require(damage.origin).contains("of the same stream, 1448 ahead"))
    }

    @Test func anotherStreamsBytesAreLocated() throws {
        let damage = try #require(
            Self.damage { bytes in
                bytes.replaceSubrange(
                    1000..<1100, with: SoakWindow.array(SoakStream(number: 33), at: 7_000_000_013, count: 100))
            })
        let origin = try #require(damage.origin)
        #expect(origin.contains("transfer 16's stream down"), "\(origin)")
        let first = try #require(UInt64(origin.split(separator: "offset ").last?.split(separator: " ").first ?? ""))
        #expect((7_000_000_013...7_000_000_020).contains(first))
    }

    @Test func noiseHasNoHome() throws {
        var random = SoakRandom(seed: 1, purpose: 1)
        let damage = try #require(
            Self.damage { bytes in
                for index in 1000..<3000 { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            })
        #expect(damage.origin == nil)
        #expect(damage.wrong > 1900)
    }
}

/// What a soak does is decided by its seed.
struct SoakScheduleTests {
    @Test func theSameSeedBringsTheSame() {
        var one = SoakSchedule(SoakPlan())
        var other = SoakSchedule(SoakPlan())
        for _ in 0..<20 {
            let phase = one.nextPhase()
            #expect(phase == other.nextPhase())
            // Disturbances draw from numbers of their own.
            _ = one.nextDisturbance()
            #expect(
                one.nextTransfer(phase, client: 0, budget: .max) == other.nextTransfer(phase, client: 0, budget: .max))
        }
    }

    @Test func phasesTakeTurnsAndStayWithinThePlan() {
        var plan = SoakPlan()
        plan.parallel = 2...50
        plan.longest = 1_000_000_000
        var schedule = SoakSchedule(plan)
        for index in 0..<200 {
            let phase = schedule.nextPhase()
            #expect(phase.kind == (index % 2 == 0 ? .unshaped : .shaped))
            #expect(phase.shapes.count == (phase.kind == .shaped ? SoakSchedule.linkCount : 0))
            #expect((2...50).contains(phase.parallel))
            #expect(phase.lengths.upperBound <= 1_000_000_000)
            #expect(phase.shapes.allSatisfy { $0.jitter <= $0.delay && $0.loss <= 0.02 })
        }
    }

    @Test func transfersGoBothWaysAndStayWithinTheBudget() {
        var schedule = SoakSchedule(SoakPlan())
        let phase = schedule.nextPhase()
        let transfers = (0..<1000).map { _ in schedule.nextTransfer(phase, client: 0, budget: 5_000_000) }
        #expect(Set(transfers.map(\.number)).count == 1000)
        #expect(transfers.allSatisfy { $0.bytes > 0 && $0.bytes <= 5_000_000 })
        for kind in [
            transfers.count { $0.up == 0 }, transfers.count { $0.down == 0 },
            transfers.count { $0.up > 0 && $0.down > 0 },
            transfers.count { $0.transport == .tcp }, transfers.count { $0.family == .v4 },
            transfers.count { $0.bytes < 1000 },
        ] { #expect((50...950).contains(kind)) }
    }

    @Test func aPlanWithoutBoxDisturbsTheLinksAlone() {
        var plan = SoakPlan()
        plan.hasBox = false
        var schedule = SoakSchedule(plan)
        for _ in 0..<50 {
            guard case (_, .outage)? = schedule.nextDisturbance() else {
                Issue.record("there is no daemon to disturb")
                return
            }
        }
        plan.calm = nil
        var calm = SoakSchedule(plan)
        #expect(calm.nextDisturbance() == nil)
    }
}
