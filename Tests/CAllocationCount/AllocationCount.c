#include "CAllocationCount.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc's own functions by the names that it keeps for those who replace malloc. Unlike dlsym(RTLD_NEXT), they may be
// called from the first instruction on, and allocate nothing themselves.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct slot {
    atomic_int thread;
    _Atomic uint64_t allocations;
    _Atomic uint64_t releases;
};

// A place for each thread that there has ever been, so that nothing has to be done at a thread's end.
static struct slot slots[512];
static atomic_uint used;

// initial-exec: a place in the thread's control block, where the general model may call malloc to make room.
static __thread struct slot *own __attribute__((tls_model("initial-exec")));

pid_t allocation_count_thread(void) { return (pid_t)syscall(SYS_gettid); }

static struct slot *own_slot(void) {
    if (own) return own;
    unsigned place = atomic_fetch_add(&used, 1);
    if (place >= sizeof slots / sizeof *slots) {
        static const char message[] = "CAllocationCount: more threads than there are places for\n";
        if (write(STDERR_FILENO, message, sizeof message - 1) < 0) _exit(70);
        _exit(70);
    }
    own = &slots[place];
    atomic_store(&own->thread, allocation_count_thread());
    return own;
}

static atomic_int trapped;

void allocation_count_trap(pid_t thread) { atomic_store(&trapped, thread); }

// The thread is the only one that writes; others only read.
static void count(struct slot *slot, _Atomic uint64_t *counter) {
    int trap = atomic_load_explicit(&trapped, memory_order_relaxed);
    if (trap && trap == atomic_load_explicit(&slot->thread, memory_order_relaxed)) {
        // Not to Swift's own handler, which can't stop threads that block all signals; a debugger comes before it.
        signal(SIGILL, SIG_DFL);
        __builtin_trap();
    }
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void count_allocation(void) {
    struct slot *slot = own_slot();
    count(slot, &slot->allocations);
}

static void count_release(void) {
    struct slot *slot = own_slot();
    count(slot, &slot->releases);
}

struct allocation_count allocation_count_of(pid_t thread) {
    struct allocation_count result = {0, 0};
    unsigned last = atomic_load(&used);
    // Ids are used again: the newest thread of that id is meant.
    while (last-- > 0) {
        if (atomic_load(&slots[last].thread) != thread) continue;
        result.allocations = atomic_load_explicit(&slots[last].allocations, memory_order_relaxed);
        result.releases = atomic_load_explicit(&slots[last].releases, memory_order_relaxed);
        break;
    }
    return result;
}

void *malloc(size_t size) {
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count_allocation();
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    count_allocation();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void *block = memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

void *valloc(size_t size) { return memalign((size_t)sysconf(_SC_PAGESIZE), size); }

void *reallocarray(void *block, size_t number, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(number, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}

void free(void *block) {
    if (!block) return;
    count_release();
    __libc_free(block);
}
