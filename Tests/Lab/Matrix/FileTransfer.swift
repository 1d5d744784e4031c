import Wire

/// As much of FTP (RFC 959, RFC 2428) as connection tracking's helper reads: the commands and replies that tell of data
/// connections.
enum FileTransfer {
    private static let size = 50_000

    /// The client opens the data connection.
    static let passive = Behaviour("FTP, passive: the client opens the data connection") { course in
        let control = try greeted(course)
        try control.say(course.family == .v4 ? "PASV" : "EPSV")
        let reply = try control.hear()
        guard let place = endpoint(in: reply, defaultAddress: course.service) else {
            throw MatrixError("heard \(reply)")
        }
        try control.say("RETR file")
        let data = try course.connect(to: place)
        try data.receive(toEnd: size)
        data.end()
        try leave(control)
    } server: { control, course in
        try greet(control)
        _ = try control.hear()
        let listener = try course.listen()
        let (high, low) = (listener.port >> 8, listener.port & 0xff)
        try control.say(
            course.family == .v4
                ? "227 Entering Passive Mode (\(course.service.commas),\(high),\(low))."
                : "229 Entering Extended Passive Mode (|||\(listener.port)|)")
        _ = try control.hear()
        try control.say("150 here it comes")
        let data = try course.accept(listener)
        try send(over: data)
        try finish(control)
    }

    /// The server opens the data connection, from port 20 to a port that the client names.
    static let active = Behaviour("FTP, active: the server opens the data connection") { course in
        let control = try greeted(course)
        let listener = try course.listen()
        let (high, low) = (listener.port >> 8, listener.port & 0xff)
        try control.say(
            course.family == .v4
                ? "PORT \(course.clientAddress.commas),\(high),\(low)"
                : "EPRT |2|\(course.clientAddress)|\(listener.port)|")
        _ = try control.hear()
        try control.say("RETR file")
        let data = try course.accept(listener)
        try data.receive(toEnd: size)
        data.end()
        try leave(control)
    } server: { control, course in
        try greet(control)
        let order = try control.hear()
        guard let place = endpoint(in: order, defaultAddress: course.service) else {
            throw MatrixError("heard \(order)")
        }
        try control.say("200 so be it")
        _ = try control.hear()
        try control.say("150 here it comes")
        let data = try course.connect(to: place, from: Endpoint(address: course.service, port: 20))
        try send(over: data)
        try finish(control)
    }

    private static func greet(_ control: MatrixSocket) throws {
        try control.say("220 ready")
        _ = try control.hear()
        try control.say("230 welcome")
    }

    private static func greeted(_ course: Course) throws -> MatrixSocket {
        let control = try course.connect()
        _ = try control.hear()
        // The helper heeds a command only behind a line's end that it has seen.
        try control.say("USER anonymous")
        _ = try control.hear()
        return control
    }

    private static func send(over data: MatrixSocket) throws {
        try data.send(size)
        data.end()
        try data.drain()
    }

    private static func finish(_ control: MatrixSocket) throws {
        try control.say("226 done")
        _ = try control.hear()
        try control.say("221 bye")
        control.end()
        try control.drain()
    }

    private static func leave(_ control: MatrixSocket) throws {
        _ = try control.hear()
        _ = try control.hear()
        try control.say("QUIT")
        _ = try control.hear()
        control.end()
        try control.drain()
    }

    /// The endpoint in a PORT, PASV, EPRT or EPSV line.
    private static func endpoint(in line: String, defaultAddress: IPAddress) -> Endpoint? {
        if line.contains("|") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count >= 5, let port = UInt16(fields[3]) else { return nil }
            return Endpoint(address: IPAddress(String(fields[2])) ?? defaultAddress, port: port)
        }
        let digits = line.drop { $0 != "(" && $0 != " " }.dropFirst().drop { !$0.isNumber && $0 != "(" }
        let numbers = digits.split { !$0.isNumber }.compactMap { UInt32($0) }.suffix(6)
        guard numbers.count == 6, numbers.allSatisfy({ $0 < 256 }) else { return nil }
        let bytes = Array(numbers)
        let address = bytes[..<4].reduce(0) { $0 << 8 | $1 }
        return Endpoint(address: IPAddress(v4: address), port: UInt16(bytes[4] << 8 | bytes[5]))
    }
}

extension IPAddress {
    /// An IPv4 address as FTP writes it: `10,99,0,1`.
    fileprivate var commas: String {
        stride(from: 24, through: 0, by: -8).map { "\(v4Bits >> UInt32($0) & 0xff)" }.joined(separator: ",")
    }
}
