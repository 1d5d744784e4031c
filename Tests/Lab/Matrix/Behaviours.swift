import Wire

// What clients and servers do in more than one situation. The client's first bytes are a request, so that the server
// doesn't speak before the client is known to be there.

extension Behaviour {
    private static let request = 100

    /// The server sends so many bytes and ends; then the client does.
    static func fetch(_ bytes: Int = 200_000) -> Behaviour {
        Behaviour("the client fetches \(bytes / 1000) kB") { course in
            let socket = try course.connect()
            try socket.send(request)
            try socket.receive(toEnd: bytes)
        } server: { socket, _ in
            try socket.receive(request)
            try socket.send(bytes)
            socket.end()
            try socket.drain()
        }
    }

    /// The client sends so many bytes; the server answers when it has them all.
    static func upload(_ bytes: Int) -> Behaviour {
        Behaviour("the client sends \(bytes / 1000) kB") { course in
            let socket = try course.connect()
            try socket.send(bytes)
            try socket.receive(request)
            socket.end()
            try socket.receive(toEnd: 0)
        } server: { socket, _ in
            try socket.receive(bytes)
            try socket.send(request)
            try socket.receive(toEnd: 0)
        }
    }

    /// `rounds` times so many bytes there and as many back. After each of them but the last the client pauses, and before
    /// round `disturbed` the router's lines for the time of a transfer are run.
    static func exchange(
        _ rounds: Int = 4, of bytes: Int = 20_000, pause: Double = 0, disturbed: Int? = nil
    ) -> Behaviour {
        let name =
            "\(rounds) times \(bytes / 1000) kB there and back" + (pause > 0 ? ", with pauses of \(pause) s" : "")
        return Behaviour(name) { course in
            let socket = try course.connect()
            for round in 0..<rounds {
                if round == disturbed { try course.router() }
                try socket.send(bytes)
                try socket.receive(bytes)
                if round < rounds - 1 { course.sleep(pause) }
            }
            socket.end()
            try socket.receive(toEnd: 0)
        } server: { socket, _ in
            for _ in 0..<rounds {
                try socket.receive(bytes)
                try socket.send(bytes)
            }
            try socket.receive(toEnd: 0)
        }
    }

    /// An exchange with other hands at work in its middle, and after a while another connection.
    static func disturbed(rest: Double = 2.5) -> Behaviour {
        let exchange = exchange(disturbed: 2)
        return Behaviour("an exchange, disturbed; \(rest) s later another one") { course in
            try exchange.client(course)
            course.sleep(rest)
            let socket = try course.connect()
            for _ in 0..<4 {
                try socket.send(20_000)
                try socket.receive(20_000)
            }
            socket.end()
            try socket.receive(toEnd: 0)
        } server: {
            try exchange.server($0, $1)
        }
    }

    /// The client ends its stream behind the request; the server answers after some seconds.
    static func halfCloseByClient(after seconds: Double = 0.3, _ bytes: Int = 100_000) -> Behaviour {
        Behaviour("the client ends first, the server answers after \(seconds) s") { course in
            let socket = try course.connect()
            try socket.send(request)
            socket.end()
            try socket.receive(toEnd: bytes)
        } server: { socket, course in
            try socket.receive(toEnd: request)
            course.sleep(seconds)
            try socket.send(bytes)
        }
    }

    /// The server ends its stream behind a greeting; the client goes on sending.
    static func halfCloseByServer(after seconds: Double = 0.3, _ bytes: Int = 100_000) -> Behaviour {
        Behaviour("the server ends first, the client goes on after \(seconds) s") { course in
            let socket = try course.connect()
            try socket.send(request)
            try socket.receive(toEnd: 1000)
            course.sleep(seconds)
            try socket.send(bytes)
        } server: { socket, _ in
            try socket.receive(request)
            try socket.send(1000)
            socket.end()
            try socket.receive(toEnd: bytes)
        }
    }

    /// The server resets the connection in mid stream.
    static let resetByServer = Behaviour("the server resets in mid stream") { course in
        let socket = try course.connect()
        try socket.send(request)
        try socket.receive(50_000)
        try socket.send(1)
        try socket.drain()
    } server: { socket, _ in
        try socket.receive(request)
        try socket.send(50_000)
        try socket.receive(1)
        socket.resetOnClose()
    }

    /// The client resets the connection in mid stream.
    static let resetByClient = Behaviour("the client resets in mid stream") { course in
        let socket = try course.connect()
        try socket.send(request)
        try socket.receive(50_000)
        socket.resetOnClose()
    } server: { socket, _ in
        try socket.receive(request)
        try socket.send(50_000)
        try socket.drain()
    }

    /// The server takes the connection and the request, and says nothing for longer than the client waits.
    static let silence = Behaviour("the server accepts and says nothing") { course in
        let socket = try course.connect()
        try socket.send(request)
        try socket.receive(1)
    } server: { socket, course in
        try socket.receive(request)
        course.sleep(course.limit.inSeconds + 1)
    }

    /// An exchange at a port on which the router makes another of it.
    static func translated(port: UInt16) -> Behaviour {
        Behaviour("an exchange at port \(port)") { course in
            try bounce(try course.connect(port: port))
        } server: { socket, _ in
            try answer(socket)
        }
    }

    /// The server speaks first, and ends.
    static let greeting = Behaviour("the server speaks first, and ends") { course in
        let socket = try course.connect()
        try socket.receive(toEnd: 1000)
    } server: { socket, _ in
        try socket.send(1000)
        socket.end()
        try socket.receive(toEnd: 0)
    }

    /// The client connects and ends, as monitors and scanners do.
    static let touch = Behaviour("the client connects, and ends at once") { course in
        let socket = try course.connect()
        socket.end()
        try socket.receive(toEnd: 0)
    } server: { socket, _ in
        try socket.receive(toEnd: 0)
    }

    /// Bulk to one who doesn't read for a while.
    static func slow(client isClient: Bool, _ bytes: Int = 10_000_000) -> Behaviour {
        Behaviour("\(bytes / 1_000_000) MB to a \(isClient ? "client" : "server") that reads after 2 s") { course in
            let socket = try course.connect()
            try socket.send(isClient ? request : bytes)
            if isClient { course.sleep(2) }
            try socket.receive(toEnd: isClient ? bytes : request)
        } server: { socket, course in
            if !isClient { course.sleep(2) }
            try socket.receive(isClient ? request : bytes)
            try socket.send(isClient ? bytes : request)
            socket.end()
            try socket.drain()
        }
    }

    /// Connects to a port and no more.
    static func attempt(port: UInt16) -> Behaviour {
        Behaviour("the client connects to port \(port)") { course in
            let socket = try course.connect(port: port)
            try socket.receive(1)
        } server: { socket, _ in
            try socket.drain()
        }
    }

    /// A small exchange on each of the situation's ports, one behind the other; what each comes to is noted.
    static func ports(_ ports: [UInt16]) -> Behaviour {
        Behaviour("an exchange on each of \(ports.count) ports") { course in
            for port in ports { course.note("port \(port)", outcome { try bounce(try course.connect(port: port)) }) }
        } server: { socket, _ in
            try answer(socket)
        }
    }

    /// `count` connections one behind the other; what each comes to is noted.
    static func connections(_ count: Int, pause: Double = 0) -> Behaviour {
        Behaviour("\(count) connections, one behind the other") { course in
            for index in 1...count {
                if index > 1 { course.sleep(pause) }
                course.note("connection \(index)", outcome { try bounce(try course.connect()) })
            }
        } server: { socket, _ in
            try answer(socket)
        }
    }

    /// `count` connections that are open at the same time; what each comes to is noted.
    static func together(_ count: Int) -> Behaviour {
        Behaviour("\(count) connections at the same time") { course in
            var open: [MatrixSocket] = []
            for index in 1...count {
                course.note(
                    "connection \(index)",
                    outcome {
                        let socket = try course.connect()
                        open.append(socket)
                        try socket.send(1000)
                        try socket.receive(1000)
                    })
            }
            for socket in open { socket.end() }
            for socket in open { try socket.receive(toEnd: 0) }
        } server: { socket, _ in
            try answer(socket)
        }
    }

    /// Connects from a port of the client's own choice.
    static func bound(to port: UInt16) -> Behaviour {
        Behaviour("the client connects from port \(port)") { course in
            try bounce(try course.connect(fromPort: port))
        } server: { socket, _ in
            try answer(socket)
        }
    }

    private static func outcome(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "ok"
        } catch {
            return "\(error)"
        }
    }

    private static func bounce(_ socket: MatrixSocket) throws {
        try socket.send(1000)
        try socket.receive(1000)
        socket.end()
        try socket.receive(toEnd: 0)
    }

    private static func answer(_ socket: MatrixSocket) throws {
        try socket.receive(1000)
        try socket.send(1000)
        try socket.receive(toEnd: 0)
    }
}
