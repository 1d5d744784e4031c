// CAllocationCount: how often each thread of this process has called the allocator.
//
// An executable that links this target has its own malloc and its kin, which count and then call glibc's. The dynamic
// linker resolves the calls of all shared libraries to them as well, Swift's runtime above all. Only for programs that
// measure; sanitizers have an allocator of their own and don't go together with it.

#ifndef CALLOCATIONCOUNT_H
#define CALLOCATIONCOUNT_H

#include <stdint.h>
#include <sys/types.h>

struct allocation_count {
    /// Blocks that the thread has asked for, or had moved or resized.
    uint64_t allocations;
    /// Blocks that it has given back, whoever asked for them.
    uint64_t releases;
};

/// The calling thread's kernel id.
pid_t allocation_count_thread(void);

/// What the thread with this kernel id has done since its start; zeros if it has not called the allocator.
struct allocation_count allocation_count_of(pid_t thread);

/// Has the thread's next call of the allocator end the process by SIGILL, where a debugger shows who made it. 0: none.
void allocation_count_trap(pid_t thread);

#endif
