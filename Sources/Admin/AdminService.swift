/// All by which the daemon can be asked: the control socket, and an address of TCP if there is to be one.
public struct AdminService: Sendable {
    private let control: ControlServer
    private let service: HTTPService
    /// nil: nothing is served over TCP.
    private var web: WebService?
    private let answers: ControlServer.Answers

    /// Returns once both answer; the control socket only to those who know it by its provisional name, until `appear`.
    ///
    /// - Parameters:
    ///   - path: of the UNIX socket; its folder is made if need be, and an abandoned socket is removed.
    ///   - http: where the page and metrics are served, and to whom.
    ///   - isTakingOver: another daemon answers at `path` until `appear`.
    /// - Throws: `ControlError` or `HTTPAddressError`, and nobody answers then.
    public static func start(
        control path: String, http: HTTPSetting?, answers: ControlServer.Answers, isTakingOver: Bool = false
    ) async throws -> AdminService {
        let control = try await ControlServer(path: path, answers: answers, isTakingOver: isTakingOver)
        var admin = AdminService(control: control, service: try await control.start(), web: nil, answers: answers)
        do {
            if let http { try await admin.serve(on: http) }
            return admin
        } catch {
            await admin.stop()
            throw error
        }
    }

    /// Has the page and metrics be served over TCP, too. Throws `HTTPAddressError`.
    public mutating func serve(on http: HTTPSetting) async throws(HTTPAddressError) {
        web = try await WebService.start(on: http, answers)
    }

    /// Gives the control socket its name: whoever waits for it finds the daemon at work. Throws `ControlError`.
    public func appear() throws(ControlError) { try control.appear() }

    /// Another daemon answers from now on: takes no further question, and returns when the answers that are on their way over the
    /// control socket are out, or after so many seconds. The socket's name is left to whoever has it now.
    public func finish(within limit: Double) async {
        await web?.stop()
        await service.finish(within: limit)
        control.removeOwnSocket()
    }

    /// Nobody answers any more; answers that are on their way are cut off.
    public func stop() async {
        await web?.stop()
        await service.stop()
        control.removeSocket()
    }
}
