// Steering: when a subflow is throttled, and how. Rules as values, and which of them applies to a subflow.
//
//     subflow, circumstances ──▶ [ThrottleRule] ──┬─ the first rule that applies
//                                                 └─ bytes until another one does
//
// It is pure: it knows addresses, ports, names of interfaces and bytes carried; it must never know a qdisc, a mark, a
// tracker or a clock: the minute of the day is passed in. Who is held by which rule, and how that is carried out, is
// Throttling's. Settings become these values once, at start and at reload.
