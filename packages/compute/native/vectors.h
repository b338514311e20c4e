// Sixteen floats at a time, in whatever registers the instruction set has. Include in sources alone.
#pragma once
#include <cstdint>
#include <cstring>

namespace salmon {
namespace {

typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
typedef float V8 __attribute__((vector_size(32), aligned(4), may_alias));
constexpr int64_t kLanes = 16;

__attribute__((always_inline)) inline V Load(const float* p) { return *reinterpret_cast<const V*>(p); }
__attribute__((always_inline)) inline void Store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }

/** Sum of the lanes, in pairs: a chain of sixteen additions would take longer than the product of a short row. */
__attribute__((always_inline)) inline float SumOf(V v) {
  V8 a;
  V8 b;
  std::memcpy(&a, &v, sizeof(a));
  std::memcpy(&b, reinterpret_cast<const char*>(&v) + sizeof(a), sizeof(b));
  a += b;
  return ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]));
}

}  // namespace
}  // namespace salmon
