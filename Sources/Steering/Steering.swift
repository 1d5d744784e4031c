// Steering: what is wanted of each subflow: which throttle holds it, which paths its connection uses, and why.
//
//     readings ──▶ PathMonitor ──▶ a path's figures and state ──┬─▶ SteerController ──▶ roles of a rule's paths
//                                                               └─▶ ThrottleGate ─────▶ a conditional throttle is on, or off
//     subflow, circumstances, throttles, roles ──▶ Planner ──▶ Treatment
//     what is, what is wanted ──▶ SubflowStep ──▶ what leads there, in order
//
// It is pure: it knows addresses, ports, names of interfaces, bytes carried and round trips; it must never know a qdisc, a
// mark, a tracker or a clock: time is passed in, in nanoseconds of a clock that never goes back. Who reads the paths, and how
// a treatment is carried out, is Throttling's. Settings become these values once, at start and at reload.
