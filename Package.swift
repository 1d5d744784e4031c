// swift-tools-version: 6.2
import PackageDescription

// The module table of docs/architecture.md, as code: a target imports what is named here and nothing else
// (`--explicit-target-dependency-import-check error`, set by Scripts/test, holds it to that).

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let flyingFox: Target.Dependency = .product(name: "FlyingFox", package: "FlyingFox")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let flyingSocks: Target.Dependency = .product(name: "FlyingSocks", package: "FlyingFox")

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .executable(name: "sluice-lab", targets: ["sluice-lab"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CNetfilterQueue", pkgConfig: "libnetfilter_queue",
            providers: [.apt(["libnetfilter-queue-dev", "libnfnetlink-dev", "libmnl-dev"])]),
        .systemLibrary(
            name: "CNetlinkRoute", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-route-3-dev"])]),
        // Without its pkg-config file, whose -D flag SwiftPM warns of; it stands where compilers look by themselves.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(name: "CLinux"),

        .target(name: "Base"),
        .target(name: "Wire", swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
        .target(name: "HandOver", dependencies: ["Wire"]),
        .target(
            name: "Tracking", dependencies: ["HandOver", "Wire", crypto],
            swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "Capture", dependencies: [systemPackage], swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
        .target(name: "Marks"),
        .target(name: "Steering", dependencies: ["Wire"]),
        .target(name: "Handshake", dependencies: ["Base", "HandOver", "Wire"]),
        .target(
            name: "PacketTap", dependencies: ["Base", "Tracking", "Wire"],
            swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
        .target(name: "TraceOutput", dependencies: ["Base", "PacketTap", "Tracking", "Wire"]),
        .target(name: "LinuxSystem", dependencies: ["CLinux", "Wire", systemPackage]),
        .target(name: "NetfilterQueue", dependencies: ["CLinux", "CNetfilterQueue", "LinuxSystem", systemPackage]),
        .target(name: "TrafficControl", dependencies: ["CNetlinkRoute", "LinuxSystem", "Wire", systemPackage]),
        .target(
            name: "Firewall", dependencies: ["LinuxSystem", "Marks", "Wire", subprocess, systemPackage],
            // A link to iptables/: the templates belong where an operator looks for them, and in the binary.
            resources: [.embedInCode("Templates")]),
        .target(name: "SharedTracking", dependencies: ["HandOver", "LinuxSystem", "PacketTap", "Tracking", "Wire"]),
        .target(
            name: "Inspector",
            dependencies: [
                "Base", "HandOver", "Wire", "Handshake", "PacketTap", "SharedTracking", "LinuxSystem", "NetfilterQueue",
                logging,
                systemPackage,
            ]),
        .target(
            name: "Recorder",
            dependencies: ["Wire", "PacketTap", "TraceOutput", "LinuxSystem", logging, systemPackage]),
        .target(
            name: "Throttling",
            dependencies: [
                "Wire", "Tracking", "SharedTracking", "Marks", "Steering", "LinuxSystem", "TrafficControl", logging,
                systemPackage,
            ]),
        .target(
            name: "Converter",
            dependencies: [
                "Base", "HandOver", "Handshake", "LinuxSystem", "Marks", "Wire", deque, logging, systemPackage,
            ]),
        .target(name: "Cluster", dependencies: ["Base", "CHiredis", "LinuxSystem", "Wire", logging]),
        .target(name: "SessionLog", dependencies: ["Wire", "LinuxSystem", logging, systemPackage]),
        .target(name: "Settings", dependencies: ["Base", "TraceOutput", "Wire", "TOMLKit"]),
        .target(
            name: "Admin", dependencies: [flyingFox, flyingSocks],
            // The page belongs in the binary.
            resources: [.embedInCode("Page")]),
        .target(
            name: "Middlebox",
            dependencies: [
                "Wire", "HandOver", "Tracking", "SharedTracking", "Marks", "Steering", "Handshake", "LinuxSystem",
                "NetfilterQueue", "Firewall", "TrafficControl", "Inspector", "PacketTap", "TraceOutput", "Recorder",
                "Throttling", "Converter", "SessionLog", "Cluster", "Settings", "Admin", logging, systemPackage,
            ]),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "Wire", "Tracking", "Capture", "TraceOutput", "Middlebox", "Settings", "Firewall", "Admin",
                "LinuxSystem", "SessionLog", argumentParser, logging,
            ],
            swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
        .executableTarget(name: "sluice-manual", dependencies: [argumentParser]),

        .target(name: "CBaseline", path: "Tests/CBaseline"),
        .target(
            name: "Lab",
            dependencies: ["Capture", "LinuxSystem", "NetfilterQueue", "Wire", deque, subprocess, systemPackage],
            path: "Tests/Lab"),
        .executableTarget(
            name: "sluice-lab",
            dependencies: [
                "CBaseline", "Cluster", "Converter", "HandOver", "Handshake", "Inspector", "Lab", "LinuxSystem",
                "Marks",
                "PacketForge",
                "SharedTracking", "Tracking", "Wire", argumentParser, deque, systemPackage,
            ],
            path: "Tests/sluice-lab"),

        .target(name: "PacketForge", dependencies: ["Wire"], path: "Tests/PacketForge"),
        .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
        .executableTarget(
            name: "sluice-guard",
            dependencies: [
                "CAllocationCount", "Converter", "Handshake", "Inspector", "LinuxSystem", "Marks", "NetfilterQueue",
                "PacketForge", "PacketTap", "SharedTracking", "Tracking", "Wire", logging, systemPackage,
            ],
            path: "Tests/Guard"),
        .testTarget(name: "WireTests", dependencies: ["PacketForge", "Wire"]),
        .testTarget(name: "TrackingTests", dependencies: ["HandOver", "PacketForge", "Tracking", "Wire"]),
        .testTarget(name: "CaptureTests", dependencies: ["Capture", subprocess, systemPackage]),
        .testTarget(name: "BaseTests", dependencies: ["Base"]),
        .testTarget(name: "ManualTests", dependencies: ["sluice-manual"]),
        .testTarget(name: "MarksTests", dependencies: ["Marks"]),
        .testTarget(name: "SteeringTests", dependencies: ["PacketForge", "Steering", "Wire"]),
        .testTarget(name: "PacketTapTests", dependencies: ["PacketTap", "Wire"]),
        .testTarget(
            name: "TraceOutputTests",
            dependencies: [
                "Base", "PacketTap", "TraceOutput", "Capture", "Tracking", "Wire", "PacketForge", "sluice", subprocess,
                systemPackage,
            ],
            exclude: ["Captures"]),
        .testTarget(name: "HandOverTests", dependencies: ["HandOver", "Wire"]),
        .testTarget(name: "HandshakeTests", dependencies: ["HandOver", "Handshake", "PacketForge", "Wire"]),
        .testTarget(
            name: "ConverterTests",
            dependencies: ["Converter", "HandOver", "LinuxSystem", "PacketForge", "Wire", logging, systemPackage]),
        .testTarget(name: "LinuxSystemTests", dependencies: ["Lab", "LinuxSystem", "Wire", systemPackage]),
        .testTarget(
            name: "FirewallTests", dependencies: ["Firewall", "Marks", "Wire", "Lab", "LinuxSystem", "PacketForge"]),
        .testTarget(
            name: "TrafficControlTests", dependencies: ["TrafficControl", "Lab", "LinuxSystem", "Wire", subprocess]),
        .testTarget(
            name: "SharedTrackingTests",
            dependencies: ["SharedTracking", "LinuxSystem", "PacketForge", "Tracking", "Wire"]),
        .testTarget(name: "InspectorTests", dependencies: ["Inspector", "PacketForge", "Wire"]),
        .testTarget(
            name: "ThrottlingTests",
            dependencies: ["Throttling", "Steering", "Tracking", "TrafficControl", "LinuxSystem", "Wire"]),
        .testTarget(name: "SettingsTests", dependencies: ["PacketForge", "Settings", "TraceOutput", "Wire"]),
        .testTarget(
            name: "RecorderTests",
            dependencies: [
                "Recorder", "PacketTap", "TraceOutput", "PacketForge", "LinuxSystem", "Wire", logging, systemPackage,
            ]),
        .testTarget(
            name: "SessionLogTests",
            dependencies: ["SessionLog", "LinuxSystem", "Wire", subprocess, logging, systemPackage]),
        .testTarget(
            name: "ClusterTests", dependencies: ["Cluster", "Lab", "LinuxSystem", "Wire", logging, subprocess]),
        .testTarget(name: "AdminTests", dependencies: ["Admin"]),
        .testTarget(
            name: "LabTests", dependencies: ["Lab", "LinuxSystem", "Wire", systemPackage]),
        .testTarget(name: "PaperTests", dependencies: ["sluice-lab", "sluice", "Lab"]),
        .testTarget(
            name: "MiddleboxTests",
            dependencies: [
                "Middlebox", "HandOver", "SessionLog", "Settings", "Firewall", "NetfilterQueue", "TrafficControl",
                "Admin", "Capture", "Lab", "LinuxSystem", "Marks", "PacketForge", "Steering", "Wire", "sluice", logging,
                subprocess, systemPackage,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Set by Scripts/fuzz, which adds the sanitizers. A target is a folder of Tests/Fuzz and a line here.
if Context.environment["SLUICE_FUZZ"] == "1" {
    func fuzzTarget(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(name: name, dependencies: dependencies + ["CFuzzMain"], path: "Tests/Fuzz/\(name)")
    }
    package.targets += [
        .target(name: "CFuzzMain", path: "Tests/Fuzz/CFuzzMain"),
        .executableTarget(name: "Seeds", dependencies: ["PacketForge", "Wire"], path: "Tests/Fuzz/Seeds"),
        fuzzTarget("FuzzOptions", ["PacketForge", "Wire"]),
        fuzzTarget("FuzzPacket", ["PacketForge", "Wire"]),
        fuzzTarget("FuzzCapture", ["Capture", "Wire"]),
        fuzzTarget("FuzzFilter", ["PacketTap", "TraceOutput", "Wire"]),
        fuzzTarget("FuzzTracker", ["PacketForge", "Tracking", "Wire"]),
    ]
}

// Set by Scripts/test. Not for those who build us as we build others: a newer compiler may warn of more.
if Context.environment["SLUICE_STRICT"] == "1" {
    for target in package.targets where target.type != .system {
        target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
        if ["CLinux", "CBaseline", "CAllocationCount"].contains(target.name) {
            target.cSettings = [.treatAllWarnings(as: .error)]
        }
    }
}
