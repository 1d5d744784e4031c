/// All by which the daemon can be asked: the control socket, and an address of TCP if there is to be one.
public struct AdminService: Sendable {
    private let control: ControlServer
    private var services: [HTTPService]
    private let answers: ControlServer.Answers

    /// Returns once both answer; the control socket only to those who know it by its provisional name, until `appear`.
    ///
    /// - Parameters:
    ///   - path: of the UNIX socket; its folder is made if need be, and an abandoned socket is removed.
    ///   - http: the address of metrics.
    ///   - isTakingOver: another daemon answers at `path` until `appear`.
    /// - Throws: `ControlError` or `HTTPAddressError`, and nobody answers then.
    public static func start(
        control path: String, http: HTTPAddress?, answers: ControlServer.Answers, isTakingOver: Bool = false
    ) async throws -> AdminService {
        let control = try await ControlServer(path: path, answers: answers, isTakingOver: isTakingOver)
        var services = [try await control.start()]
        if let http {
            do {
                services.append(try await MetricsServer.start(on: http, answers))
            } catch {
                await AdminService(control: control, services: services, answers: answers).stop()
                throw error
            }
        }
        return AdminService(control: control, services: services, answers: answers)
    }

    /// Has metrics answer, too. Throws `HTTPAddressError`.
    public mutating func addMetrics(on address: HTTPAddress) async throws {
        services.append(try await MetricsServer.start(on: address, answers))
    }

    /// Takes no further question, and returns when the answers that are on their way are out, or after so many seconds. The
    /// control socket's name is left to its next owner.
    public func finish(within limit: Double) async {
        for service in services { await service.finish(within: limit) }
    }

    /// Gives the control socket its name: whoever waits for it finds the daemon at work. Throws `ControlError`.
    public func appear() throws(ControlError) { try control.appear() }

    /// Nobody answers any more; answers that are on their way are cut off.
    public func stop() async {
        for service in services { await service.stop() }
        control.removeSocket()
    }
}
