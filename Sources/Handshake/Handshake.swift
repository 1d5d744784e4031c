// Handshake: where a SYN is decided. Which connections are to be converted (`ConversionPolicy`), what becomes of a SYN, why, and
// all that is remembered for it: SYNs that are held, went on or went in, what servers speak and how late they answer, behind
// which interfaces no handshake completes, what was decided lately.
//
//     SYN, facts ──▶ SYNDecider ──▶ SYNAction, which the packet path carries out
//                        ▲
//                        └── answers to dials, deadlines, what could not be carried out
//
// What packet path and stream path say to each other about a SYN is here as values: `DialRequest`, `DialOutcome`, `Way`.
//
// It is pure: it reads no clock and asks no kernel. Times are nanoseconds of one steady clock. What only the outside knows is
// asked through `SYNFacts`, as it is needed. Decisions that are new go here, with a row in Tests/HandshakeTests.
