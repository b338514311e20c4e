// Memory aligned to cache lines: a vector or tile row that straddles two costs two loads.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "op.h"

namespace salmon {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

template <typename T>
using AlignedArray = std::unique_ptr<T[], Free>;

template <typename T>
AlignedArray<T> Aligned(int64_t count) {
  void* memory = std::aligned_alloc(64, (count * sizeof(T) + 64) / 64 * 64);
  Require(memory != nullptr, "no memory for the operand of a product");
  return AlignedArray<T>(static_cast<T*>(memory));
}

}  // namespace salmon
