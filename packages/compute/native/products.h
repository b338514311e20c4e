#pragma once
#include <cstdint>

namespace salmon {

/** Entries of a sparse batch and the two matrices whose rows they pair. */
struct EntryDots {
  const int32_t* starts;  // [latents + 1]
  const int32_t* row;     // [nnz]
  int64_t latents;
  const float* dense;  // [batch * width]
  int64_t batch;
  const float* rows;  // [latents * width]
  int64_t width;
};

/** out[entry] = its dense row . its latent's row */
void BlockedDots(const EntryDots& e, float* out);

}  // namespace salmon
