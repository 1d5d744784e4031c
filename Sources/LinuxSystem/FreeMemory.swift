import CLinux

/// The allocator's free memory.
public enum FreeMemory {
    /// Has large blocks be given back to the kernel when they are freed, those that are taken from now on.
    public static func returnLargeBlocks() { sluice_malloc_setup() }

    /// Gives the kernel what is free in whole pages. Holds the allocator's locks meanwhile.
    public static func trim() { sluice_malloc_trim() }
}
