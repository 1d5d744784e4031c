// Policy: decisions as pure values. Which connections are to be converted, which throttle holds a subflow, which packets
// a trace shows, what a packet mark says, what the packet path and the stream path tell each other about a connection.
//
// It knows addresses and ports; it must never know a socket, a queue, a clock or a file. Settings become these values
// once, at start and at reload; the Inspector and the Converter only read them.
