/// All by which the daemon can be asked: the control socket, and an address of TCP if there is to be one.
public struct AdminService: Sendable {
    private let control: ControlServer
    private let service: HTTPService
    /// nil: nothing is served over TCP.
    private let web: WebService?

    /// Returns once both answer; the control socket only to those who know it by its provisional name, until `appear`.
    ///
    /// - Parameters:
    ///   - path: of the UNIX socket; its folder is made if need be, and an abandoned socket is removed.
    ///   - http: where the page and metrics are served, and to whom.
    /// - Throws: `ControlError` or `HTTPAddressError`, and nobody answers then.
    public static func start(
        control path: String, http: HTTPSetting?, answers: ControlServer.Answers
    ) async throws -> AdminService {
        let control = try await ControlServer(path: path, answers: answers)
        let service = try await control.start()
        do {
            var web: WebService?
            if let http { web = try await WebService.start(on: http, answers) }
            return AdminService(control: control, service: service, web: web)
        } catch {
            await AdminService(control: control, service: service, web: nil).stop()
            throw error
        }
    }

    /// Gives the control socket its name: whoever waits for it finds the daemon at work. Throws `ControlError`.
    public func appear() throws(ControlError) { try control.appear() }

    /// Nobody answers any more; answers that are on their way are cut off.
    public func stop() async {
        await web?.stop()
        await service.stop()
        control.removeSocket()
    }
}
