// SharedTracking: the one tracker of a running daemon, which the queues' threads feed, and who is told of what it sees.
//
//     queue threads ── observe ──▶ ConnectionWatch: lock, Tracker ──┬─▶ Follower    connections that change: Throttling
//                                                                   ├─▶ Listener    joins and DSCPs: Converter
//                                                                   └─▶ copies      who lists or compares connections
//
// Tracking is pure and has one owner; here are the lock, and the order in which all is told: records of packets get their
// time under it. The lock is held for one segment, or to copy a few connections, and never across a wait; whoever is told
// is told after it, on the queue's thread. It reads no queue and gives no verdict, so that those who follow connections
// need no packet path.
