// Base: what modules have in common that have otherwise nothing to do with each other. A memory with a lifetime and a bound,
// the known name that is nearest to a misspelt one, the word for what became of a packet.
//
// It imports nothing, so that whoever needs one of these takes nothing else along. What has a subject goes to the subject's
// module; what only one module needs, or several of which one imports the other, stays there.
