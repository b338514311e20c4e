#include "largest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

namespace salmon {
namespace {

// A histogram over sign, exponent and the first three bits of the mantissa leaves few values to be sorted.
constexpr int kShift = 20;
constexpr int kBuckets = 1 << (32 - kShift);

/** Bits whose order as unsigned numbers is that of the floats, the leading ones. */
inline uint32_t BucketOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return ((bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u) >> kShift;
}

}  // namespace

float LeastOfLargest(const float* values, int64_t n, int64_t count, int64_t* equal) {
  if (n <= count) {
    *equal = INT64_MAX;
    return 0;
  }
  if (count == 0) {
    *equal = 0;
    return INFINITY;
  }
  std::vector<int64_t> histogram(kBuckets, 0);
  for (int64_t i = 0; i < n; i++) histogram[BucketOf(values[i])]++;
  int64_t bucket = kBuckets - 1, above = 0;
  while (above + histogram[bucket] < count) above += histogram[bucket--];
  std::vector<float> close;
  close.reserve(histogram[bucket]);
  for (int64_t i = 0; i < n; i++) {
    if (BucketOf(values[i]) == static_cast<uint32_t>(bucket)) close.push_back(values[i]);
  }
  const int64_t wanted = count - above;
  std::nth_element(close.begin(), close.begin() + (wanted - 1), close.end(), std::greater<float>());
  const float least = close[wanted - 1];
  *equal = wanted - std::count_if(close.begin(), close.end(), [&](float v) { return v > least; });
  return least;
}

}  // namespace salmon
