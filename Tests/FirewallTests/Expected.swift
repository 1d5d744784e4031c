import Wire

@testable import Firewall

/// What iptables-save and `ip rule` print once `RuleSetting.sample` is applied, the same for both backends.
enum Expected {
    static let routingRules = """
        100:\tfrom all fwmark 0x4000000/0x7000000 iif lo goto 102 proto 83
        101:\tfrom all fwmark 0x4000000/0x7000000 lookup 7700 proto 83
        102:\tfrom all fwmark 0x2000000/0x7000000 iif lo lookup 7701 proto 83
        103:\tfrom all fwmark 0x2000000/0x7000000 lookup 7700 proto 83

        """

    static let raw = """
        -A PREROUTING -j SLUICE_PREROUTING
        -A SLUICE_PREROUTING -i sluice0 -j ACCEPT
        COMMIT
        """

    static let filter = """
        -A INPUT -j SLUICE_INPUT
        -A FORWARD -j SLUICE_FORWARD
        -A OUTPUT -j SLUICE_OUTPUT
        -A SLUICE_FORWARD -p tcp -m connmark --mark 0x6000000/0x7000000 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j \
        REJECT --reject-with tcp-reset
        -A SLUICE_INPUT -m connmark --mark 0x2000000/0x3000000 -j SLUICE-USER
        -A SLUICE_INPUT -m connmark --mark 0x2000000/0x3000000 -j ACCEPT
        -A SLUICE_INPUT -m connmark --mark 0x3000000/0x3000000 -j SLUICE-USER
        -A SLUICE_INPUT -m connmark --mark 0x3000000/0x3000000 -j ACCEPT
        -A SLUICE_INPUT -p tcp -m conntrack --ctstate INVALID,UNTRACKED -m mark --mark 0x4000000/0x7000000 -j ACCEPT
        -A SLUICE_OUTPUT -m connmark --mark 0x2000000/0x3000000 -j SLUICE-USER
        -A SLUICE_OUTPUT -m connmark --mark 0x2000000/0x3000000 -j ACCEPT
        -A SLUICE_OUTPUT -m connmark --mark 0x3000000/0x3000000 -j SLUICE_TO_SERVER
        -A SLUICE_OUTPUT -p tcp -m conntrack --ctstate INVALID,UNTRACKED -m owner --gid-owner 64083-64085 -j ACCEPT
        -A SLUICE_TO_SERVER ! -o wan0 -m connmark --mark 0x3010000/0x3ff0000 -j DROP
        -A SLUICE_TO_SERVER -j SLUICE-USER
        -A SLUICE_TO_SERVER -j ACCEPT
        COMMIT
        """

    /// The chains of the traffic classes, by name.
    private static var classes: String {
        let hex = { (number: Int) in String(number, radix: 16) }
        let digits = (0...15).map {
            "-A SLUICE_CLASS -m connmark --mark 0x\(hex($0 << 20))/0xf00000 -g SLUICE_CLASS_\(hex($0))"
        }
        let numbers = (1...255).map { number in
            let class4 = String(hex(0x10000 | number).dropFirst())
            return "-A SLUICE_CLASS_\(hex(number >> 4)) -m connmark --mark 0x\(hex(number << 16))/0xff0000 "
                + "-j CLASSIFY --set-class 7700:\(class4)"
        }
        return (digits + numbers).joined(separator: "\n")
    }

    static func mangle(_ family: AddressFamily) -> String {
        let (listen, length, icmp) =
            switch family {
            case .ipv4: ("127.77.0.1", 32, "icmp")
            case .ipv6: ("fd73:6c75:6963:6500::1", 128, "ipv6-icmp")
            }
        // MPTCP sockets take no traffic class for IPv6.
        let codePoints =
            family == .ipv4
            ? """
            -A SLUICE_INPUT -p tcp -m connmark --mark 0x3000000/0x7000000 -m dscp ! --dscp 0x00 -j NFQUEUE \
            --queue-balance 7701:7702 --queue-bypass\n
            """ : ""
        let acknowledgement = """
            -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG ACK -m connmark --mark 0x6000000/0x7000000 -m bpf \
            --bytecode "\(AcknowledgementProgram.bytecode(family))" -j NFQUEUE --queue-num 7703 --queue-bypass
            """
        let program = SpreadProgram.bytecode(family, place: 0, of: PortSpread(count: 2))
        return """
            -A PREROUTING -j SLUICE_PREROUTING
            -A INPUT -j SLUICE_INPUT
            -A FORWARD -j SLUICE_FORWARD
            -A OUTPUT -j SLUICE_OUTPUT
            -A POSTROUTING -j SLUICE_POSTROUTING
            -A SLUICE_ADOPT -j CONNMARK --set-xmark 0x7000000/0x7000000
            -A SLUICE_ADOPT -j SLUICE_LOCAL
            \(classes)
            -A SLUICE_FORWARD -m mark --mark 0x4000000/0x7000000 -j MARK --set-xmark 0x0/0xfff0000
            -A SLUICE_HOLD -m bpf --bytecode "\(program)" -j NFQUEUE --queue-num 7700 --queue-bypass
            -A SLUICE_HOLD -j NFQUEUE --queue-num 7704 --queue-bypass
            -A SLUICE_INPUT -p tcp -m connmark --mark 0xb000000/0xf000000 -m tcp --tcp-flags SYN,RST,ACK SYN,ACK -j \
            NFQUEUE --queue-num 7700 --queue-bypass
            \(codePoints)-A SLUICE_INPUT -p tcp -m connmark --mark 0x3000000/0x3000000 -j ACCEPT
            -A SLUICE_INPUT -p tcp -m mark --mark 0x2000000/0xf000000 -j MARK --set-xmark 0x0/0xfff0000
            -A SLUICE_INPUT -i sluice0 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connmark --mark \
            0x2000000/0x3000000 -j ACCEPT
            -A SLUICE_INPUT \(acknowledgement)
            -A SLUICE_INPUT -p tcp -m connmark --mark 0x2000000/0x3000000 -j NFQUEUE --queue-balance 7701:7702 \
            --queue-bypass
            -A SLUICE_LOCAL -j MARK --set-xmark 0x4000000/0x7000000
            -A SLUICE_LOCAL -j ACCEPT
            -A SLUICE_OUTPUT -p tcp -m connmark --mark 0x0/0x7000000 -j SLUICE_OWN
            -A SLUICE_OUTPUT -p tcp -m connmark --mark 0x7000000/0x7000000 -j SLUICE_OWN
            -A SLUICE_OUTPUT -p tcp -m connmark --mark 0xb000000/0xf000000 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j \
            NFQUEUE --queue-num 7700 --queue-bypass
            -A SLUICE_OUTPUT -p tcp -m connmark --mark 0x3000000/0x3000000 -j ACCEPT
            -A SLUICE_OUTPUT -p tcp -m tcp --tcp-flags SYN NONE -m connmark --mark 0x2000000/0x7000000 -j CONNMARK \
            --set-xmark 0x6000000/0xf000000
            -A SLUICE_OUTPUT \(acknowledgement)
            -A SLUICE_OUTPUT -p tcp -m connmark --mark 0x2000000/0x3000000 -j NFQUEUE --queue-balance 7701:7702 \
            --queue-bypass
            -A SLUICE_OWN -m owner --gid-owner 64083 -j CONNMARK --set-xmark 0x3000000/0xfff0000
            -A SLUICE_OWN -m owner --gid-owner 64084 -j CONNMARK --set-xmark 0xb000000/0xfff0000
            -A SLUICE_OWN -m owner --gid-owner 64085 -j CONNMARK --set-xmark 0x6000000/0xf000000
            -A SLUICE_OWN -o wan0 -m connmark --mark 0x3000000/0x7000000 -j CONNMARK --set-xmark 0x10000/0xff0000
            -A SLUICE_POSTROUTING -p tcp -m connmark --mark 0x2000000/0x3000000 -m connmark ! --mark 0x0/0xff0000 -j \
            SLUICE_CLASS
            -A SLUICE_POSTROUTING -p tcp -m connmark --mark 0x5000000/0x7000000 -m connmark ! --mark 0x0/0xff0000 -m \
            conntrack --ctdir REPLY -j SLUICE_CLASS
            -A SLUICE_POSTROUTING -p tcp -m conntrack --ctstate NEW -m conntrack ! --ctstate DNAT -m connmark --mark \
            0x0/0x7000000 -j SLUICE_SYN
            -A SLUICE_POSTROUTING -p tcp -m connmark --mark 0x1000000/0x7000000 -m conntrack ! --ctstate DNAT -j \
            SLUICE_SYN
            -A SLUICE_POSTROUTING -p tcp -m connmark --mark 0x5000000/0x7000000 -m conntrack --ctstate ESTABLISHED \
            -j NFQUEUE --queue-balance 7701:7702 --queue-bypass
            -A SLUICE_PREROUTING -d \(listen)/\(length) ! -i lo -j DROP
            -A SLUICE_PREROUTING -i sluice0 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j CONNMARK --set-xmark \
            0x2000000/0xf000000
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x2000000/0xf000000 -m conntrack --ctdir ORIGINAL -j \
            SLUICE_TAKE
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0xa000000/0xf000000 -m conntrack --ctdir ORIGINAL -j \
            SLUICE_LOCAL
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x6000000/0x7000000 -m socket --transparent -j \
            SLUICE_LOCAL
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x6000000/0x7000000 -m tcp --tcp-flags FIN,SYN,RST,ACK \
            SYN -j CONNMARK --set-xmark 0x1000000/0xfff0000
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x5000000/0x7000000 -m tcp --tcp-flags FIN,SYN,RST,ACK \
            SYN -j CONNMARK --set-xmark 0x1000000/0xfff0000
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x3000000/0x7000000 -m conntrack --ctdir REPLY -j \
            SLUICE_LOCAL
            -A SLUICE_PREROUTING -p tcp -m connmark --mark 0x3000000/0x3000000 -m socket --transparent -j \
            SLUICE_LOCAL
            -A SLUICE_PREROUTING -p tcp -m conntrack --ctstate NEW -m connmark --mark 0x0/0x7000000 -m socket \
            --transparent -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j SLUICE_ADOPT
            -A SLUICE_PREROUTING -p tcp -m conntrack --ctstate INVALID,UNTRACKED -m socket --transparent -m tcp ! \
            --tcp-flags FIN,SYN,RST,ACK SYN -j SLUICE_LOCAL
            -A SLUICE_PREROUTING -p \(icmp) -m conntrack --ctstate RELATED -m connmark --mark 0x2000000/0x3000000 -j \
            SLUICE_LOCAL
            -A SLUICE_PREROUTING -p \(icmp) -m conntrack --ctstate RELATED -m connmark --mark 0x3000000/0x3000000 -j \
            SLUICE_LOCAL
            -A SLUICE_SYN -p tcp -m tcp --tcp-option 30 --tcp-flags FIN,SYN,RST,ACK SYN -m addrtype ! --src-type \
            LOCAL -j CONNMARK --set-xmark 0x5000000/0x7000000
            -A SLUICE_SYN -p tcp -m tcp --tcp-option 30 --tcp-flags FIN,SYN,RST,ACK SYN -m addrtype ! --src-type \
            LOCAL -j SLUICE_HOLD
            -A SLUICE_TAKE -i sluice0 -p tcp -j TPROXY --on-port 0 --on-ip \(listen) --tproxy-mark \
            0x2000000/0xf000000
            -A SLUICE_TAKE -p tcp -m tcp --tcp-flags SYN NONE -j CONNMARK --set-xmark 0xa000000/0xf000000
            -A SLUICE_TAKE -p tcp -j TPROXY --on-port 0 --on-ip \(listen) --tproxy-mark 0x4000000/0x7000000
            COMMIT
            """
    }
}
