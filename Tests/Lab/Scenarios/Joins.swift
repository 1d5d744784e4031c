extension Scenario {
    /// MP_JOIN and MP_PRIO (RFC 8684, sections 3.2 and 3.3.8).
    static let joins = [
        Scenario("two-subflows") { stage, family in try await joined(1, stage, family) },
        Scenario("three-subflows", links: 3) { stage, family in try await joined(2, stage, family) },
        Scenario("backup-subflow") { stage, family in
            try await stage.addSubflow(1, family, flags: ["backup"])
            try await stage.converse(family) { conversation in
                try await stage.awaitJoins(1)
                try await conversation.bounce(100_000)
            }
        },
        Scenario("priority-by-client") { stage, family in
            try await stage.addSubflow(1, family)
            try await changePriority(id: 1, by: stage.client, heardBy: stage.peer, stage, family)
        },
        Scenario("priority-by-peer") { stage, family in
            // Neither `subflow` nor `signal`: it names the address and has no other effect.
            let address = stage.lab.address(.server(0), family).description
            try await stage.lab.mptcp(in: stage.peer, ["endpoint", "add", address, "id", "9"])
            try await changePriority(id: 9, by: stage.peer, heardBy: stage.client, stage, family)
        },
    ]

    private static func joined(_ joins: UInt64, _ stage: Stage, _ family: IPFamily) async throws {
        for index in 1...Int(joins) { try await stage.addSubflow(index, family) }
        try await stage.converse(family) { conversation in
            try await stage.awaitJoins(joins)
            try await conversation.bounce(500_000)
        }
    }

    private static func changePriority(
        id: Int, by sender: Lab.Node, heardBy receiver: Lab.Node, _ stage: Stage, _ family: IPFamily
    ) async throws {
        try await stage.converse(family) { conversation in
            if sender == stage.client { try await stage.awaitJoins(1) }
            for (count, priority) in zip(1..., ["backup", "nobackup"]) {
                try await stage.lab.mptcp(in: sender, ["endpoint", "change", "id", "\(id)", priority])
                try await stage.wait(for: "MPPrioRx", in: receiver, toGrowBy: UInt64(count))
                try await conversation.bounce(20_000)
            }
        }
    }
}
