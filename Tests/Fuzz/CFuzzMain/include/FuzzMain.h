// The entry point of the fuzz targets. libFuzzer has a `main` of its own, but SwiftPM has the linker rename that of an
// executable target, so that theirs has to call this.

#pragma once

/// Runs libFuzzer with these arguments; returns the exit code.
int fuzzMain(int argc, char *_Nullable *_Nonnull argv);
