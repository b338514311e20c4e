// Functions marked so are compiled for three instruction sets; glibc's loader chooses. Elsewhere the compiler's baseline serves.
#pragma once
#if defined(__x86_64__) && defined(__GLIBC__)
#define SALMON_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SALMON_CLONES
#endif
