extension Load {
    static let relaying = [
        Load(name: "relay-64", usesKernel: true) { try RelayWork(.messages(bytes: 64)) },
        Load(name: "relay-16384", usesKernel: true) { try RelayWork(.messages(bytes: 16 << 10)) },
        Load(
            name: "relay-backpressure-up", warmUp: 5, operations: 20, usesKernel: true
        ) { try RelayWork(.backpressure(bytes: 4 << 20, fromClient: true)) },
        Load(
            name: "relay-backpressure-down", warmUp: 5, operations: 20, usesKernel: true
        ) { try RelayWork(.backpressure(bytes: 4 << 20, fromClient: false)) },
    ]
}
