#include "simd.h"

#include <cmath>
#include <cstring>

#include "clones.h"
#include "vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace salmon {
namespace {

int64_t ScanScalar(const float* pre, const float* bias, const float* low, int64_t from, int64_t n, int32_t* index, float* value) {
  int64_t found = 0;
  for (int64_t i = from; i < n; i++) {
    const float v = pre[i] + bias[i];
    if (v > low[i]) {
      index[found] = static_cast<int32_t>(i);
      value[found++] = v;
    }
  }
  return found;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) int64_t ScanAvx512(const float* pre, const float* bias, const float* low, int64_t n, int32_t* index, float* value) {
  int64_t found = 0, i = 0;
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (; i + 16 <= n; i += 16) {
    const __m512 v = _mm512_add_ps(_mm512_loadu_ps(pre + i), _mm512_loadu_ps(bias + i));
    const __mmask16 above = _mm512_cmp_ps_mask(v, _mm512_loadu_ps(low + i), _CMP_GT_OQ);
    if (above == 0) continue;
    // Compress in a register and store whole: a compressing store to memory is microcoded on some processors.
    _mm512_storeu_ps(value + found, _mm512_maskz_compress_ps(above, v));
    _mm512_storeu_si512(index + found, _mm512_maskz_compress_epi32(above, _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(i)))));
    found += __builtin_popcount(above);
  }
  return found + ScanScalar(pre, bias, low, i, n, index + found, value + found);
}

__attribute__((target("avx2"))) int64_t ScanAvx2(const float* pre, const float* bias, const float* low, int64_t n, int32_t* index, float* value) {
  int64_t found = 0, i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = _mm256_add_ps(_mm256_loadu_ps(pre + i), _mm256_loadu_ps(bias + i));
    unsigned above = static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_loadu_ps(low + i), _CMP_GT_OQ)));
    for (; above != 0; above &= above - 1) {
      const int lane = __builtin_ctz(above);
      index[found] = static_cast<int32_t>(i + lane);
      value[found++] = pre[i + lane] + bias[i + lane];
    }
  }
  return found + ScanScalar(pre, bias, low, i, n, index + found, value + found);
}
#endif

// The rows of neighbouring latents lie `stride` apart, out of reach of the hardware's prefetcher.
constexpr int64_t kAhead = 6;

__attribute__((always_inline)) inline void PrefetchRow(const float* p, int64_t width) {
  for (int64_t i = 0; i < width; i += 16) __builtin_prefetch(p + i);
}

}  // namespace

int64_t ScanAbove(const float* pre, const float* bias, const float* low, int64_t n, int32_t* index, float* value) {
#if defined(__x86_64__)
  static const int level = __builtin_cpu_supports("avx512f") ? 2 : __builtin_cpu_supports("avx2") ? 1 : 0;
  if (level == 2) return ScanAvx512(pre, bias, low, n, index, value);
  if (level == 1) return ScanAvx2(pre, bias, low, n, index, value);
#endif
  return ScanScalar(pre, bias, low, 0, n, index, value);
}

SALMON_CLONES
void DecodeSlice(const Slice& s, const float* coefficient, const float* rows, int64_t stride, float* out) {
  for (int64_t f = 0; f < s.latents; f++) {
    const int32_t begin = s.starts[f], end = s.starts[f + 1];
    if (f + kAhead < s.latents && s.starts[f + kAhead + 1] > s.starts[f + kAhead]) PrefetchRow(rows + (f + kAhead) * stride, s.width);
    const float* w = rows + f * stride;
    for (int32_t e = begin; e < end; e++) {
      const float c = coefficient[e];
      if (c == 0) continue;
      float* o = out + static_cast<int64_t>(s.row[e]) * s.width;
      int64_t i = 0;
      for (; i + kLanes <= s.width; i += kLanes) Store(o + i, Load(o + i) + c * Load(w + i));
      for (; i < s.width; i++) o[i] += c * w[i];
    }
  }
}

SALMON_CLONES
void DecodeRow(const int32_t* latent, const float* coefficient, int64_t n, const float* rows, int64_t width, float* out) {
  int64_t i = 0;
  for (; i + 4 * kLanes <= width; i += 4 * kLanes) {
    V v0 = Load(out + i), v1 = Load(out + i + kLanes), v2 = Load(out + i + 2 * kLanes), v3 = Load(out + i + 3 * kLanes);
    for (int64_t e = 0; e < n; e++) {
      const float c = coefficient[e];
      const float* w = rows + static_cast<int64_t>(latent[e]) * width + i;
      v0 += c * Load(w);
      v1 += c * Load(w + kLanes);
      v2 += c * Load(w + 2 * kLanes);
      v3 += c * Load(w + 3 * kLanes);
    }
    Store(out + i, v0);
    Store(out + i + kLanes, v1);
    Store(out + i + 2 * kLanes, v2);
    Store(out + i + 3 * kLanes, v3);
  }
  for (; i + kLanes <= width; i += kLanes) {
    V v = Load(out + i);
    for (int64_t e = 0; e < n; e++) v += coefficient[e] * Load(rows + static_cast<int64_t>(latent[e]) * width + i);
    Store(out + i, v);
  }
  for (; i < width; i++) {
    for (int64_t e = 0; e < n; e++) out[i] += coefficient[e] * rows[static_cast<int64_t>(latent[e]) * width + i];
  }
}

SALMON_CLONES
void DotsSlice(const Slice& s, const float* dense, const float* rows, int64_t stride, bool add, float* out) {
  for (int64_t f = 0; f < s.latents; f++) {
    const int32_t begin = s.starts[f], end = s.starts[f + 1];
    if (f + kAhead < s.latents && s.starts[f + kAhead + 1] > s.starts[f + kAhead]) PrefetchRow(rows + (f + kAhead) * stride, s.width);
    const float* w = rows + f * stride;
    for (int32_t e = begin; e < end; e++) {
      const float* x = dense + static_cast<int64_t>(s.row[e]) * s.width;
      V a = {}, b = {};
      int64_t i = 0;
      for (; i + 2 * kLanes <= s.width; i += 2 * kLanes) {
        a += Load(x + i) * Load(w + i);
        b += Load(x + i + kLanes) * Load(w + i + kLanes);
      }
      for (; i + kLanes <= s.width; i += kLanes) a += Load(x + i) * Load(w + i);
      a += b;
      float sum = SumOf(a);
      for (; i < s.width; i++) sum += x[i] * w[i];
      out[e] = add ? out[e] + sum : sum;
    }
  }
}

SALMON_CLONES
double AddRowsSlice(const Slice& s, const AddRows& a) {
  double squares = 0;
  for (int64_t f = 0; f < s.latents; f++) {
    const int32_t begin = s.starts[f], end = s.starts[f + 1];
    if (begin == end || a.mode[f] == AddRows::kSkip) continue;
    float* o = a.out + f * a.stride;
    const bool keep = a.mode[f] == AddRows::kAdd;
    const float scale = a.scale == nullptr ? 0.0f : -a.scale[f];
    const float* minus = a.minus == nullptr || scale == 0 ? nullptr : a.minus + f * a.stride;
    int64_t i = 0;
    V total = {};
    for (; i + 4 * kLanes <= s.width; i += 4 * kLanes) {
      V v0 = {}, v1 = {}, v2 = {}, v3 = {};
      if (keep) {
        v0 = Load(o + i);
        v1 = Load(o + i + kLanes);
        v2 = Load(o + i + 2 * kLanes);
        v3 = Load(o + i + 3 * kLanes);
      }
      for (int32_t e = begin; e < end; e++) {
        const float c = a.coefficient[e];
        const float* x = a.dense + static_cast<int64_t>(s.row[e]) * s.width + i;
        v0 += c * Load(x);
        v1 += c * Load(x + kLanes);
        v2 += c * Load(x + 2 * kLanes);
        v3 += c * Load(x + 3 * kLanes);
      }
      if (minus != nullptr) {
        v0 += scale * Load(minus + i);
        v1 += scale * Load(minus + i + kLanes);
        v2 += scale * Load(minus + i + 2 * kLanes);
        v3 += scale * Load(minus + i + 3 * kLanes);
      }
      Store(o + i, v0);
      Store(o + i + kLanes, v1);
      Store(o + i + 2 * kLanes, v2);
      Store(o + i + 3 * kLanes, v3);
      total += v0 * v0 + v1 * v1 + v2 * v2 + v3 * v3;
    }
    for (; i + kLanes <= s.width; i += kLanes) {
      V v = {};
      if (keep) v = Load(o + i);
      for (int32_t e = begin; e < end; e++) v += a.coefficient[e] * Load(a.dense + static_cast<int64_t>(s.row[e]) * s.width + i);
      if (minus != nullptr) v += scale * Load(minus + i);
      Store(o + i, v);
      total += v * v;
    }
    float sum = SumOf(total);
    for (; i < s.width; i++) {
      float v = keep ? o[i] : 0.0f;
      for (int32_t e = begin; e < end; e++) v += a.coefficient[e] * a.dense[static_cast<int64_t>(s.row[e]) * s.width + i];
      if (minus != nullptr) v += scale * minus[i];
      o[i] = v;
      sum += v * v;
    }
    squares += sum;
  }
  return squares;
}

SALMON_CLONES
void AdamRow(const AdamScalars& s, int64_t n, float* __restrict param, const float* __restrict grad, float* __restrict m, float* __restrict v) {
  const float beta1 = s.beta1, beta2 = s.beta2, rest1 = s.rest1, rest2 = s.rest2;
  if (m == nullptr && grad == nullptr) {
    for (int64_t i = 0; i < n; i++) v[i] *= beta2;
  } else if (m == nullptr) {
    for (int64_t i = 0; i < n; i++) {
      const float g = grad[i] * s.clip;
      const float square = beta2 * v[i] + rest2 * (g * g);
      v[i] = square;
      param[i] -= s.step_size * g / (std::sqrt(square) * s.inverse_root + s.eps);
    }
  } else if (grad == nullptr) {
    for (int64_t i = 0; i < n; i++) {
      const float mean = beta1 * m[i];
      const float square = beta2 * v[i];
      m[i] = mean;
      v[i] = square;
      param[i] -= s.step_size * mean / (std::sqrt(square) * s.inverse_root + s.eps);
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      const float g = grad[i] * s.clip;
      const float mean = beta1 * m[i] + rest1 * g;
      const float square = beta2 * v[i] + rest2 * (g * g);
      m[i] = mean;
      v[i] = square;
      param[i] -= s.step_size * mean / (std::sqrt(square) * s.inverse_root + s.eps);
    }
  }
}

namespace {

/** A mixing function of 32 bits (multiply and shift, full avalanche): the random bits of one entry. */
__attribute__((always_inline)) inline uint32_t RandomBits(uint32_t seed, uint32_t entry) {
  uint32_t x = entry ^ seed;
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  return x ^ (x >> 16);
}

/** Up with the probability of the share cut off. */
__attribute__((always_inline)) inline uint16_t RoundAtRandom(float value, uint32_t bits16) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>((bits + bits16) >> 16);
}

template <bool kMomentum, bool kGradient>
__attribute__((always_inline)) inline void AdamLoopBf16(const AdamScalars& s, int64_t n, const AdamRow16& row) {
  const float beta1 = s.beta1, beta2 = s.beta2, rest1 = s.rest1, rest2 = s.rest2, clip = s.clip, size = s.step_size, root = s.inverse_root, eps = s.eps;
  float* __restrict param = row.param;
  const float* __restrict grad = row.grad;
  uint16_t* __restrict m = row.m;
  uint16_t* __restrict v = row.v;
  const uint32_t seed = row.seed, first = row.first;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t random = RandomBits(seed, first + static_cast<uint32_t>(i));
    const float g = kGradient ? grad[i] * clip : 0.0f;
    float square = beta2 * FromBf16(v[i]);
    if (kGradient) square += rest2 * (g * g);
    v[i] = RoundAtRandom(square, random >> 16);
    float mean = g;
    if (kMomentum) {
      mean = beta1 * FromBf16(m[i]);
      if (kGradient) mean += rest1 * g;
      m[i] = RoundAtRandom(mean, random & 0xFFFF);
    }
    if (kMomentum || kGradient) param[i] -= size * mean / (std::sqrt(square) * root + eps);
  }
}

}  // namespace

SALMON_CLONES
void AdamRowBf16(const AdamScalars& s, int64_t n, const AdamRow16& row) {
  if (row.m == nullptr && row.grad == nullptr) AdamLoopBf16<false, false>(s, n, row);
  else if (row.m == nullptr) AdamLoopBf16<false, true>(s, n, row);
  else if (row.grad == nullptr) AdamLoopBf16<true, false>(s, n, row);
  else AdamLoopBf16<true, true>(s, n, row);
}

SALMON_CLONES
double SquaredNorm(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t block = 0; block < n; block += 4096) {
    const int64_t end = block + 4096 < n ? block + 4096 : n;
    V a = {};
    int64_t i = block;
    for (; i + kLanes <= end; i += kLanes) a += Load(x + i) * Load(x + i);
    for (int lane = 0; lane < kLanes; lane++) sum += a[lane];
    for (; i < end; i++) sum += static_cast<double>(x[i]) * x[i];
  }
  return sum;
}

SALMON_CLONES
void Scale(float* x, int64_t n, float factor) {
  for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

}  // namespace salmon
