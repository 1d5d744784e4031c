#include "FuzzMain.h"

#include <stddef.h>
#include <stdint.h>

// Both are libFuzzer's interface (llvm-project, compiler-rt/lib/fuzzer/FuzzerInterface.h).
extern int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int fuzzMain(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }
