extension Scenario {
    /// DATA_FIN, the end of subflows, MP_FASTCLOSE and MP_TCPRST (RFC 8684, sections 3.3.3, 3.4.2, 3.5 and 3.6).
    static let endings = [
        Scenario("half-close-by-client") { stage, family in
            try await stage.fetch(stage.plan(.clientEndsFirst, 100_000, family))
        },
        Scenario("half-close-by-peer") { stage, family in
            try await stage.fetch(stage.plan(.serverEndsFirst, 100_000, family))
        },
        Scenario("fastclose-by-client") { stage, family in
            try await stage.addSubflow(1, family)
            var plan = stage.plan(.download, 1_000_000, family)
            plan.abortAfter = 100_000
            try await stage.fetch(plan)
        },
        Scenario("fastclose-by-peer") { stage, family in
            try await stage.addSubflow(1, family)
            try await stage.fetch(stage.plan(.serverAborts, 300_000, family))
        },
        Scenario("subflow-closed") { stage, family in
            try await stage.loseSubflow(family) {
                try await stage.lab.mptcp(in: stage.client, ["endpoint", "delete", "id", "1"])
                try await stage.wait(for: "RmAddr", in: stage.peer)
            }
        },
        Scenario("subflow-reset") { stage, family in
            try await stage.loseSubflow(family) {
                let source = stage.lab.address(stage.client, link: 1, family)
                _ = try await stage.lab.sockets(
                    in: stage.client, ["-K", "-t", "src", source.isIPv4 ? "\(source)" : "[\(source)]"])
                try await stage.wait(for: "MPRstRx", in: stage.peer)
            }
        },
        Scenario("join-refused") { stage, family in
            try await stage.addSubflow(1, family)
            try await stage.lab.mptcp(in: stage.peer, ["limits", "set", "subflows", "0"])
            // Neither kernel counts the refusal as a reset, but the client answers it with one of its own.
            try await stage.converse(family) { _ in try await stage.wait(for: "MPRstTx", in: stage.client) }
        },
    ]
}

extension Stage {
    /// A conversation that goes on when its second subflow has gone.
    fileprivate func loseSubflow(_ family: IPFamily, _ loss: () async throws -> Void) async throws {
        try await addSubflow(1, family)
        try await converse(family) { conversation in
            try await awaitJoins(1)
            try await conversation.bounce(100_000)
            try await loss()
            try await conversation.bounce(100_000)
        }
    }
}
