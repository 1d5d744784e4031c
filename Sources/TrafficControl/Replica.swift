import CNetlinkRoute

/// What to send the kernel so that it makes again what it told of. For most kinds that is the very options that it gave;
/// here stand the exceptions. Whether the outcome is the same is seen by comparing, not trusted.
enum Replica {
    case same(TrafficObject)
    /// Comes with something else.
    case implied
    case unknown
}

extension TrafficObject {
    var replica: Replica {
        var replica = self
        replica.attributes = attributes.filter { [TCA_KIND, TCA_OPTIONS, TCA_STAB, TCA_CHAIN].contains($0.type) }
        switch layer {
        case .qdisc:
            // Blocks are shared with other interfaces.
            let blocks = [TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK]
            if attributes.contains(where: { blocks.contains($0.type) }) { return .unknown }
            replica.info = 0  // a count of references
            // It doesn't tell its tables of delays (net/sched/sch_netem.c, netem_dump): comparing wouldn't see their loss.
            if kind == "netem" { return .unknown }
            if kind == "htb" { replica.mapOptions(Self.htbOption) }
            return .same(replica)
        case .class:
            replica.info = 0  // the handle of the leaf, which tells its parent itself
            // HFSC has a class of its own handle.
            return handle.minor == 0 ? .implied : .same(replica)
        case .filter:
            guard kind == "u32" || kind == "fw" else { return .unknown }
            // The pref as such, before the filters that it has.
            guard let options else { return .implied }
            if !(options.nested.allSatisfy { Self.isKnownAction($0, kind) }) { return .unknown }
            return kind == "u32" ? replica.u32Replica : replica.fwReplica
        }
    }

    private mutating func mapOptions(_ transform: (Attribute) -> Attribute?) {
        attributes = attributes.map {
            $0.type == TCA_OPTIONS ? Attribute(TCA_OPTIONS, $0.nested.compactMap(transform)) : $0
        }
    }

    /// The kernel tells its own version where it wants 3, and counts packets in the same place
    /// (net/sched/sch_htb.c, htb_init and htb_dump).
    private static func htbOption(_ option: Attribute) -> Attribute {
        guard option.type == TCA_HTB_INIT else { return option }
        var global = option.value(as: tc_htb_glob.self)
        global.version = 3
        global.direct_pkts = 0
        return Attribute(TCA_HTB_INIT, global)
    }

    // MARK: Filters

    private var fwReplica: Replica {
        var replica = self
        replica.mapOptions { $0.type == TCA_FW_ACT ? Self.action($0) : $0 }
        return .same(replica)
    }

    /// The table that a pref begins with has a number of the kernel's choice (bit 31): what is in it is named relative to
    /// it; nothing leads to it from elsewhere.
    private var u32Replica: Replica {
        let isInRoot = handle.rawValue >> 31 == 1
        let options = options?.nested ?? []
        if options.find(TCA_U32_DIVISOR) != nil { return isInRoot ? .implied : .same(self) }
        // The kernel tells also what has become of them.
        let wishes = UInt32(TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW)
        var replica = self
        if isInRoot { replica.handle = Handle(rawValue: handle.rawValue & 0xfff) }
        replica.mapOptions { option in
            switch option.type {
            case TCA_U32_SEL, TCA_U32_CLASSID, TCA_U32_LINK, TCA_U32_MARK, TCA_U32_INDEV: option
            case TCA_U32_HASH: isInRoot ? Attribute(TCA_U32_HASH, UInt32(TC_U32_ROOT)) : option
            case TCA_U32_FLAGS: Attribute(TCA_U32_FLAGS, option.value(as: UInt32.self) & wishes)
            case TCA_U32_ACT: Self.action(option)
            default: nil
            }
        }
        return .same(replica)
    }

    /// Of which the first two attributes are times and `tc_gen`.
    private static let knownActions: Set<String> = ["mirred", "gact", "skbedit"]

    private static func isKnownAction(_ option: Attribute, _ kind: String) -> Bool {
        // Policers are actions of an older making.
        if option.type == (kind == "u32" ? TCA_U32_POLICE : TCA_FW_POLICE) { return false }
        guard option.type == (kind == "u32" ? TCA_U32_ACT : TCA_FW_ACT) else { return true }
        return option.nested.allSatisfy { knownActions.contains($0.nested.find(TCA_ACT_KIND)?.text ?? "") }
    }

    /// Without times and counts. The index stays: both filters then use the one action, which so lives on.
    private static func action(_ list: Attribute) -> Attribute {
        let actions = list.nested.map { action in
            let kept = action.nested.filter { [TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_COOKIE].contains($0.type) }
            return Attribute(action.type, kept.map { $0.type == TCA_ACT_OPTIONS ? actionOptions($0) : $0 })
        }
        return Attribute(list.type, actions)
    }

    private static func actionOptions(_ options: Attribute) -> Attribute {
        let kept = options.nested.filter { $0.type != TCA_MIRRED_TM }.map { option in
            var option = option
            // refcnt and bindcnt of `tc_gen` (linux/pkt_cls.h).
            if option.type == TCA_MIRRED_PARMS, option.payload.count >= 20 {
                option.payload.replaceSubrange(12..<20, with: [UInt8](repeating: 0, count: 8))
            }
            return option
        }
        return Attribute(TCA_ACT_OPTIONS, kept)
    }
}
