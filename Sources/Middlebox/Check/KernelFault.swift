import Settings

/// A fault of the kernel's MPTCP that is known by the versions that have it.
///
/// A distribution may have mended it under the same number, so that it makes a note and no warning.
struct KernelFault: Sendable {
    /// Of kernel.org: those from `first` to before `fixed`.
    struct Range: Sendable {
        let first: KernelVersion
        let fixed: KernelVersion

        func contains(_ version: KernelVersion) -> Bool { first <= version && version < fixed }
    }

    let ranges: [Range]
    /// What it does, and to whom.
    let effect: String
    /// The upstream commit that mends it, to be looked for in a distribution's changelog.
    let commit: String
    /// Does it concern a machine so configured?
    let concerns: @Sendable (Settings) -> Bool

    static let known = [
        // It came with 9db5b3cec4ec, which 6.18.35 and 6.19 have.
        KernelFault(
            ranges: [
                Range(first: KernelVersion(6, 18, 35), fixed: KernelVersion(6, 18, 46)),
                Range(first: KernelVersion(6, 19), fixed: KernelVersion(7, 1, 10)),
            ],
            effect:
                "may keep the memory of received data that it dropped, until TCP's memory is used up (CVE-2026-80588)",
            commit: "41b49a8b914e", concerns: { _ in true }),
        // Path managers in user space came with 5.19.
        KernelFault(
            ranges: [Range(first: KernelVersion(5, 19), fixed: KernelVersion(7, 2))],
            effect:
                "may use freed memory in its path manager for user space, which [[steer]] and action = \"backup\" need",
            commit: "9bc6d5e4ca9f", concerns: { $0.steersSubflows }),
    ]
}
