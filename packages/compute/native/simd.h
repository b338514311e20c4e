// Inner loops, compiled for several instruction sets and chosen when the library is loaded.
#pragma once
#include <cstdint>
#include <cstring>

namespace salmon {

/** Appends to index/value every column of pre + bias that is > low[column]; returns how many. Both outputs need room for n + 16. */
int64_t ScanAbove(const float* pre, const float* bias, const float* low, int64_t n, int32_t* index, float* value);

/** A block of columns [0, width) of row-major matrices, for the loops below. */
struct Slice {
  const int32_t* starts;  // [latents + 1]
  const int32_t* row;     // [nnz]
  int64_t latents;
  int64_t width;
};

/** out[row * width] += coefficient * rows[latent * stride] over all entries, latents ascending. */
void DecodeSlice(const Slice& s, const float* coefficient, const float* rows, int64_t stride, float* out);

/** out [width] += coefficient * rows[latent] over the n entries of one row. */
void DecodeRow(const int32_t* latent, const float* coefficient, int64_t n, const float* rows, int64_t width, float* out);

/** out[entry] = (add ? out[entry] : 0) + dense[row * width] . rows[latent * stride] */
void DotsSlice(const Slice& s, const float* dense, const float* rows, int64_t stride, bool add, float* out);

struct AddRows {
  static constexpr uint8_t kOverwrite = 0, kAdd = 1, kSkip = 2;
  const float* coefficient;  // [nnz]
  const float* dense;        // [batch * width]
  const float* minus;        // rows [latents * stride] or null
  const float* scale;        // [latents] or null
  const uint8_t* mode;       // [latents] one of those below
  float* out;                // [latents * stride]
  int64_t stride;
};

/** out_f (+)= sum coefficient_e * dense_row(e) - scale_f * minus_f for latents with entries that are not to be skipped; returns the sum of squares of what it wrote. */
double AddRowsSlice(const Slice& s, const AddRows& a);

struct AdamScalars {
  float clip, step_size, inverse_root, beta1, beta2, eps;
  float rest1, rest2;  // 1 - beta, rounded once: float(1 - 0.999) and 1 - float(0.999) differ by 1e-5
};

/** Adam on one row. `grad` null: a row without gradient. `m` null: beta1 = 0. */
void AdamRow(const AdamScalars& s, int64_t n, float* param, const float* grad, float* m, float* v);

struct AdamRow16 {
  float* param;
  const float* grad;  // or null
  uint16_t* m;        // bfloat16, or null
  uint16_t* v;        // bfloat16
  uint32_t seed;
  uint32_t first;  // number of the row's first entry
};

/**
 * The same with bfloat16 moments, rounded at random in proportion to what is cut off: on average nothing is lost, although v changes by less than
 * half a unit of its last place in most updates. The random bits are a function of seed and entry.
 */
void AdamRowBf16(const AdamScalars& s, int64_t n, const AdamRow16& row);

/** To nearest, ties to even. */
inline uint16_t ToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

inline float FromBf16(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float out;
  std::memcpy(&out, &bits, sizeof(out));
  return out;
}

double SquaredNorm(const float* x, int64_t n);
void Scale(float* x, int64_t n, float factor);

}  // namespace salmon
