import Wire

// Behaviours that use more of the socket interface than streams.

extension Behaviour {
    /// The server's stream has urgent bytes (RFC 9293, section 3.8.5) between others; the client takes them in line.
    static func urgent(_ bytes: Int) -> Behaviour {
        Behaviour("the server sends urgent data between \(bytes / 1000) kB pieces") { course in
            let socket = try course.connect { $0.receiveUrgentInline() }
            try socket.send(1)
            try socket.receive(toEnd: 4 * bytes + 4)
        } server: { socket, course in
            try socket.receive(1)
            for _ in 0..<4 {
                try socket.send(bytes)
                try socket.sendUrgent()
                // An urgent byte that isn't read before the next one comes is an ordinary one.
                course.sleep(0.05)
            }
            socket.end()
            try socket.drain()
        }
    }

    /// Both ends mark their segments, and mark them otherwise from the middle on.
    static let marked = Behaviour("both ends set a DSCP, and another one in mid connection") { course in
        let socket = try course.connect { $0.setDSCP(46, course.family) }
        try socket.send(20_000)
        try socket.receive(20_000)
        socket.setDSCP(10, course.family)
        for _ in 0..<3 {
            course.sleep(0.6)
            try socket.send(20_000)
            try socket.receive(20_000)
        }
        socket.end()
        try socket.receive(toEnd: 0)
    } server: { socket, course in
        try socket.receive(20_000)
        socket.setDSCP(34, course.family)
        try socket.send(20_000)
        for _ in 0..<3 {
            try socket.receive(20_000)
            socket.setDSCP(18, course.family)
            try socket.send(20_000)
        }
        try socket.receive(toEnd: 0)
    }

    /// A connection that is idle for some seconds, kept alive by its client.
    static func idle(_ seconds: Double, probedEvery interval: Int32? = nil) -> Behaviour {
        let probes = interval.map { ", probed by the client every \($0) s" } ?? ""
        return Behaviour("a connection is idle for \(seconds) s\(probes)") { course in
            let socket = try course.connect { socket in interval.map { socket.keepAlive(seconds: $0) } }
            try socket.send(1000)
            try socket.receive(1000)
            course.sleep(seconds)
            try socket.send(1000)
            try socket.receive(1000)
            socket.end()
            try socket.receive(toEnd: 0)
        } server: { socket, _ in
            for _ in 0..<2 {
                try socket.receive(1000)
                try socket.send(1000)
            }
            try socket.receive(toEnd: 0)
        }
    }

    /// The server probes a client that is gone without a word, by the router's lines.
    static let deadClient = Behaviour("the client vanishes; the server probes it every second") { course in
        let socket = try course.connect()
        try socket.send(1000)
        try socket.receive(1000)
        try course.router()
        course.sleep(20)
    } server: { socket, _ in
        socket.keepAlive(seconds: 1, probes: 2)
        try socket.receive(1000)
        try socket.send(1000)
        try socket.receive(1)
    }

    /// The client uses its port again, soon after the server's reset or end.
    static func reuse(of port: UInt16, afterReset: Bool) -> Behaviour {
        Behaviour("the client uses its port again 0.5 s after the server's \(afterReset ? "reset" : "end")") { course in
            let first = try course.connect(fromPort: port)
            try first.send(1000)
            try? first.drain()
            if !afterReset { first.end() }
            first.close()
            course.sleep(0.5)
            let second = try course.connect(fromPort: port)
            try second.send(1000)
            try? second.drain()
        } server: { socket, course in
            try socket.receive(1000)
            try socket.send(1000)
            if afterReset {
                socket.resetOnClose()
            } else {
                socket.end()
                try socket.drain()
            }
        }
    }

    /// A service of the router's starts on the connection's port while the connection is there.
    static func service(on port: UInt16) -> Behaviour {
        let exchange = exchange(4)
        return Behaviour("an exchange, during which a service of the router's starts on the port") { course in
            let socket = try course.connect()
            try socket.send(20_000)
            try socket.receive(20_000)
            course.sleep(0.5)
            try course.startService(port: port)
            for _ in 0..<3 {
                try socket.send(20_000)
                try socket.receive(20_000)
            }
            socket.end()
            try socket.receive(toEnd: 0)
        } server: {
            try exchange.server($0, $1)
        }
    }

    /// A service of the router's has the port, on all its addresses.
    static func serviceBefore(on port: UInt16) -> Behaviour {
        let exchange = exchange(4)
        return Behaviour("an exchange at a port that a service of the router's has") { course in
            try course.startService(port: port)
            try exchange.client(course)
        } server: {
            try exchange.server($0, $1)
        }
    }

    /// A small exchange with the router itself, at its address towards the servers or towards the client.
    static func router(port: UInt16, atUplink: Bool) -> Behaviour {
        let exchange = exchange(1, of: 1000)
        return Behaviour("an exchange at the router's own address") { course in
            let address = atUplink ? course.routerAddress : course.gateway
            let socket = try course.connect(to: Endpoint(address: address, port: port))
            try socket.send(1000)
            try socket.receive(1000)
            socket.end()
            try socket.receive(toEnd: 0)
        } server: {
            try exchange.server($0, $1)
        }
    }

    /// A dialogue of lines, as of a protocol that connection tracking reads.
    static func dialogue(_ lines: [(client: String, server: String)]) -> Behaviour {
        let pairs = lines.map { [$0.client, $0.server] }
        return Behaviour("a dialogue of \(lines.count) lines each way") { course in
            let socket = try course.connect()
            for (index, pair) in pairs.enumerated() {
                try socket.say(pair[0])
                course.note("answer \(index + 1)", try socket.hear())
            }
            socket.end()
            try socket.drain()
        } server: { socket, course in
            for pair in pairs {
                let line = try socket.hear()
                guard line == pair[0] else { throw MatrixError("heard \(line)") }
                try socket.say(pair[1])
            }
            try socket.drain()
        }
    }
}
