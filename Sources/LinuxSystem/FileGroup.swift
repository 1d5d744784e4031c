import CLinux

/// The group that owns the files which a thread makes, and so its sockets (setfsgid(2)).
///
/// Rules of iptables know a socket by it (xt_owner), without a mark that routing would heed. A thread has one of its own;
/// rights to files don't depend on it for a process that has CAP_DAC_OVERRIDE, or makes sockets only.
public enum FileGroup {
    /// Makes what the calling thread opens belong to `group`.
    ///
    /// - Returns: the group before. The kernel tells nobody when it refuses: see `isAvailable`.
    @discardableResult
    public static func set(_ group: UInt32) -> UInt32 { sluice_set_file_group(group) }

    /// May the process take this group? It needs CAP_SETGID, and in a container an ID that is mapped.
    public static func isAvailable(_ group: UInt32) -> Bool {
        let before = set(group)
        // Setting what can't be a group changes nothing and tells what is set.
        let now = set(.max)
        set(before)
        return now == group
    }
}
