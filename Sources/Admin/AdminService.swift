/// All by which the daemon can be asked: the control socket, and an address of TCP if there is to be one.
public struct AdminService: Sendable {
    private let control: ControlServer
    private let services: [HTTPService]

    /// Returns once both answer; the control socket only to those who know it by its provisional name, until `appear`.
    ///
    /// - Parameters:
    ///   - path: of the UNIX socket; its folder is made if need be, and an abandoned socket is removed.
    ///   - http: the address of metrics.
    /// - Throws: `ControlError` or `HTTPAddressError`, and nobody answers then.
    public static func start(
        control path: String, http: HTTPAddress?, answers: ControlServer.Answers
    ) async throws -> AdminService {
        let control = try await ControlServer(path: path, answers: answers)
        var services = [try await control.start()]
        if let http {
            do {
                services.append(try await MetricsServer.start(on: http, answers))
            } catch {
                await AdminService(control: control, services: services).stop()
                throw error
            }
        }
        return AdminService(control: control, services: services)
    }

    /// Gives the control socket its name: whoever waits for it finds the daemon at work. Throws `ControlError`.
    public func appear() throws(ControlError) { try control.appear() }

    /// Nobody answers any more; answers that are on their way are cut off.
    public func stop() async {
        for service in services { await service.stop() }
        control.removeSocket()
    }
}
