// Wire: what is in a packet. Addresses, IPv4 and IPv6 headers, TCP headers, TCP options and the MPTCP options among
// them, as views over borrowed bytes.
//
// It knows the RFCs and nothing else: no state, no clock, no kernel. A segment is checked once, when its view is made;
// from then on its accessors can't fail, and whatever the bytes say, nothing here traps, loops or reads outside of
// them. What it can't parse it names, with the offset, so that the caller can count it and let the packet go on.
//
// The Inspector calls it for each packet; many more use its addresses.
