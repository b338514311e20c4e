// Which ways to screen this processor has.
#include "ops.h"
#include "screen.h"

#ifdef SALMON_BYTES
#include <cpuid.h>
#endif

namespace salmon {
namespace {

#ifdef SALMON_BYTES

/** AVX-VNNI, which older compilers' builtins do not name: bit 4 of EAX of leaf 7, subleaf 1. */
bool HasAvxVnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}

#endif

}  // namespace

bool HasScreen(ScreenPath path) {
  switch (path) {
    case ScreenPath::kTiles:
      return HasTiles();
#ifdef SALMON_BYTES
    case ScreenPath::kBytes512: {
      static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
      return has;
    }
    case ScreenPath::kBytes256: {
      static const bool has = HasAvxVnni();
      return has;
    }
#endif
    case ScreenPath::kBytesPlain:
      return true;
    default:
      return false;
  }
}

const ScreenPath* BestScreen() {
  static const ScreenPath order[] = {ScreenPath::kTiles, ScreenPath::kBytes512, ScreenPath::kBytes256};
  static const ScreenPath* best = [] {
    for (const ScreenPath& path : order) {
      if (HasScreen(path)) return &path;
    }
    return static_cast<const ScreenPath*>(nullptr);
  }();
  return best;
}

/** any [n] -> 1 for each way to screen (tiles, bytes in 512 bits, in 256, plain) that this processor runs, then the number of the one that is used, or -1. */
void ScreenPaths(Op& op) {
  float* out = op.Out<float>(0, {kScreenPaths + 1});
  for (int i = 0; i < kScreenPaths; i++) out[i] = HasScreen(static_cast<ScreenPath>(i)) ? 1.0f : 0.0f;
  out[kScreenPaths] = BestScreen() == nullptr ? -1.0f : static_cast<float>(*BestScreen());
}

}  // namespace salmon
