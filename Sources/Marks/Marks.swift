// Marks: the language between the rules in the kernel and the daemon. What the bits of a packet's or connection's mark say,
// and which groups own the daemon's sockets.
//
//     Firewall    writes rules that set them and ask for them
//     Throttling  sets a connection's class, and that it is offloaded
//     Converter   makes sockets that belong to a group
//
// It is values alone, and imports nothing: who has to know a mark needs no templates, programs or sockets for it.
