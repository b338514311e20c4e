// The largest so many of a list.
#pragma once
#include <cstdint>

namespace salmon {

/** The count-th largest of n values (0 where there are fewer): those above it, plus `equal` of those equal to it, are the largest `count`. */
float LeastOfLargest(const float* values, int64_t n, int64_t count, int64_t* equal);

}  // namespace salmon
