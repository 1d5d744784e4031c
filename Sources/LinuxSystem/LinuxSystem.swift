// LinuxSystem: what Sluice needs of the kernel, each thing once: errors with errno, owned descriptors, threads,
// an event loop, mailboxes between threads, TCP and MPTCP sockets with their options, TUN, sock_diag, sysctls.
//
// It knows system calls and nothing of what they are used for. Everything that can fail throws `SystemError` or
// returns the errno as a value where failing is ordinary (EAGAIN, EINPROGRESS). Nothing here keeps state of its own
// beyond what a type owns, and nothing here starts a thread unasked.
