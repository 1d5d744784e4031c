/// What differs between measurements of the same name, and is the same for all contenders.
struct Circumstances: Hashable {
    /// Of every node that sends.
    let congestionControl: String
    let router: Router

    /// A measurement's name under these.
    func name(_ measurement: String) -> String { "\(measurement) (\(congestionControl), \(router.rawValue))" }
}
