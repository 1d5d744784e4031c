// Recorder: the trace thread. It takes what packet threads have noted out of their rings and writes it to files and to
// whoever reads.
