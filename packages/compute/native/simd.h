// Inner loops, compiled for several instruction sets and chosen when the library is loaded.
#pragma once
#include <cstdint>

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

/** partial[entry] = dense[row * width] . rows[latent * stride] */
void DotsSlice(const Slice& s, const float* dense, const float* rows, int64_t stride, float* partial);

struct AddRows {
  const float* coefficient;  // [nnz]
  const float* dense;        // [batch * width]
  const float* minus;        // rows [latents * stride] or null
  const float* scale;        // [latents] or null
  const uint8_t* keep;       // [latents] 1: add to what is there, 0: overwrite
  float* out;                // [latents * stride]
  int64_t stride;
};

/** out_f (+)= sum coefficient_e * dense_row(e) - scale_f * minus_f for latents with entries; returns the sum of squares of what it wrote. */
double AddRowsSlice(const Slice& s, const AddRows& a);

struct AdamScalars {
  float clip, step_size, inverse_root, beta1, beta2, eps;
  float rest1, rest2;  // 1 - beta, rounded once: float(1 - 0.999) and 1 - float(0.999) differ by 1e-5
};

/** Adam on one row. `grad` null: a row without gradient. `m` null: beta1 = 0. */
void AdamRow(const AdamScalars& s, int64_t n, float* param, const float* grad, float* m, float* v);

double SquaredNorm(const float* x, int64_t n);
void Scale(float* x, int64_t n, float factor);

}  // namespace salmon
