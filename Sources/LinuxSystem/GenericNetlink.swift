import SystemPackage

/// A family of generic netlink, which numbers its families and groups as they register (linux/genetlink.h).
struct GenericNetlink: ~Copyable {
    let socket: NetlinkSocket
    private let family: UInt16
    private let groups: [String: UInt32]

    /// In the network namespace of the calling thread.
    init(_ name: String) throws(SystemError) {
        let socket = try NetlinkSocket(Self.netlinkGeneric)
        var request = NetlinkMessage(type: Self.controller, header: [Self.getFamily, 1, 0, 0])
        request.add(Self.familyName, Array(name.utf8) + [0])
        let reply = try socket.exchange(request)
        let attributes = reply.attributes(afterHeader: 4)
        guard let number = reply.attribute(Self.familyID, in: attributes) else {
            throw SystemError("CTRL_CMD_GETFAMILY \(name)", .badMessage)
        }
        family = UInt16(truncatingIfNeeded: reply.word(at: number.lowerBound))
        groups = reply.attribute(Self.multicastGroups, in: attributes).map { Self.groups(reply, $0) } ?? [:]
        self.socket = socket
    }

    /// A request of the family, in version 1 of its protocol.
    func message(_ command: UInt8, flags: UInt16 = NetlinkMessage.request) -> NetlinkMessage {
        NetlinkMessage(type: family, flags: flags, header: [command, 1, 0, 0])
    }

    func join(group: String) throws(SystemError) {
        guard let number = groups[group] else { throw SystemError("join \(group)", .noSuchFileOrDirectory) }
        try socket.join(group: number)
    }

    private static func groups(_ reply: NetlinkReply, _ list: Range<Int>) -> [String: UInt32] {
        var groups: [String: UInt32] = [:]
        reply.forEachAttribute(in: list) { _, group in
            guard let name = reply.attribute(groupName, in: group), let id = reply.attribute(groupID, in: group)
            else { return }
            groups[String(decoding: reply.bytes[name].dropLast(), as: UTF8.self)] = reply.word(at: id.lowerBound)
        }
        return groups
    }

    // linux/netlink.h, linux/genetlink.h
    private static let netlinkGeneric: Int32 = 16
    private static let controller: UInt16 = 16
    private static let getFamily: UInt8 = 3
    private static let familyID: UInt16 = 1
    private static let familyName: UInt16 = 2
    private static let multicastGroups: UInt16 = 7
    private static let groupName: UInt16 = 1
    private static let groupID: UInt16 = 2
}
