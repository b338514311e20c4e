// What lies between a language model's products, each in one pass over memory: gated activations, RMS norms, attention weights.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "clones.h"
#include "ops.h"
#include "thread_pool.h"

#define SALMON_INLINE __attribute__((always_inline)) inline

namespace salmon {
namespace {

typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t kLanes = 16;

/** The next values of a row of which `left` remain; `fill` beyond its end. */
SALMON_INLINE V Take(const float* p, int64_t left, float fill) {
  V v;
  if (left >= kLanes) {
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  for (int64_t i = 0; i < kLanes; i++) v[i] = i < left ? p[i] : fill;
  return v;
}

SALMON_INLINE void Put(float* p, int64_t left, const V& v) { std::memcpy(p, &v, std::min(left, kLanes) * sizeof(float)); }

/** e^x to 2e-7 relative, 0 below -87: x = n ln 2 + r with ln 2 in two parts, a polynomial of degree 6 in r, n into the exponent. */
SALMON_INLINE V Exp(const V& given) {
  const V x = given > 88.0f ? V{} + 88.0f : given;
  const V n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Bits scale = (__builtin_convertvector(n, Bits) + 127) << 23;
  V power;
  std::memcpy(&power, &scale, sizeof(power));
  return x < -87.0f ? V{} : p * power;
}

enum class Kind { kGeluTanh = 0, kSilu = 1 };

struct Gate {
  const float* x;
  const float* times;  // or null
  Kind kind;
  float* out;
};

/** x sigmoid(z), times what is given: z = x for SiLU, 2 sqrt(2 / pi) (x + 0.044715 x^3) for GELU's tanh form. */
SALMON_CLONES
void GateSlice(const Gate& g, int64_t from, int64_t to) {
  constexpr float kSlope = 1.5957691216f, kCubic = kSlope * 0.044715f;
  for (int64_t i = from; i < to; i += kLanes) {
    const V x = Take(g.x + i, to - i, 0);
    const V z = g.kind == Kind::kSilu ? x : x * (x * x * kCubic + kSlope);
    V y = x / (Exp(-z) + 1.0f);
    if (g.times != nullptr) y *= Take(g.times + i, to - i, 0);
    Put(g.out + i, to - i, y);
  }
}

SALMON_CLONES
void NormRow(const float* x, const float* gain, int64_t width, float eps, float* out) {
  V squares{};
  for (int64_t i = 0; i < width; i += kLanes) {
    const V v = Take(x + i, width - i, 0);
    squares += v * v;
  }
  double sum = 0;
  for (int64_t i = 0; i < kLanes; i++) sum += squares[i];
  const float scale = static_cast<float>(1 / std::sqrt(sum / width + eps));
  for (int64_t i = 0; i < width; i += kLanes) Put(out + i, width - i, Take(x + i, width - i, 0) * scale * Take(gain + i, width - i, 0));
}

/** softmax(cap tanh(scores) + mask) of one query; cap 0: none. */
SALMON_CLONES
void WeighRow(const float* scores, const float* mask, int64_t keys, float cap, float* out) {
  constexpr float kLowest = -3e38f;
  V most = V{} + kLowest;
  for (int64_t i = 0; i < keys; i += kLanes) {
    V v = Take(scores + i, keys - i, 0);
    if (cap != 0) v = cap - 2 * cap / (Exp(2 * v) + 1.0f);
    v += Take(mask + i, keys - i, kLowest);
    most = v > most ? v : most;
    Put(out + i, keys - i, v);
  }
  float highest = kLowest;
  for (int64_t i = 0; i < kLanes; i++) highest = std::max(highest, most[i]);
  V sums{};
  for (int64_t i = 0; i < keys; i += kLanes) {
    const V v = Exp(Take(out + i, keys - i, kLowest) - highest);
    sums += v;
    Put(out + i, keys - i, v);
  }
  float sum = 0;
  for (int64_t i = 0; i < kLanes; i++) sum += sums[i];
  const float share = 1 / sum;
  for (int64_t i = 0; i < keys; i += kLanes) Put(out + i, keys - i, Take(out + i, keys - i, 0) * share);
}

}  // namespace

/** x, times of the same size or [0], kind -> activation(x) times. */
void Gated(Op& op) {
  const In<float> x = op.F(0), times = op.F(1), kind = op.F(2);
  Require(times.size == 0 || times.size == x.size, "the factors are not as many as the values");
  const Gate gate{x.data, times.size == 0 ? nullptr : times.data, static_cast<Kind>(static_cast<int>(kind.data[0])), op.Out<float>(0, x.shape)};
  constexpr int64_t kSlice = 1 << 14;
  ParallelFor((x.size + kSlice - 1) / kSlice, [&](int64_t i) { GateSlice(gate, i * kSlice, std::min(x.size, (i + 1) * kSlice)); });
}

/** x [..., d], gain [d], eps -> x / sqrt(mean(x^2) + eps) gain. */
void RmsNorm(Op& op) {
  const In<float> x = op.F(0), gain = op.F(1), eps = op.F(2);
  const int64_t width = gain.size;
  Require(width > 0 && !x.shape.empty() && x.shape.back() == width, "the gain is not as wide as the rows");
  float* out = op.Out<float>(0, x.shape);
  ParallelBlocks(x.size / width, 16, [&](int64_t from, int64_t to) {
    for (int64_t row = from; row < to; row++) NormRow(x.data + row * width, gain.data, width, eps.data[0], out + row * width);
  });
}

/** scores [rows, heads, queries, keys], mask [rows or 1, 1, queries, keys], cap -> weights that sum to 1 over the keys. */
void AttentionWeights(Op& op) {
  const In<float> scores = op.F(0), mask = op.F(1), cap = op.F(2);
  Require(scores.shape.size() == 4 && mask.shape.size() == 4, "scores and mask need four dimensions");
  const int64_t heads = scores.dim(1), queries = scores.dim(2), keys = scores.dim(3);
  Require(mask.dim(2) == queries && mask.dim(3) == keys && mask.dim(1) == 1 && (mask.dim(0) == 1 || mask.dim(0) == scores.dim(0)), "the mask does not fit the scores");
  float* out = op.Out<float>(0, scores.shape);
  ParallelBlocks(scores.dim(0) * heads * queries, 16, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t row = mask.dim(0) == 1 ? 0 : i / (heads * queries);
      WeighRow(scores.data + i * keys, mask.data + (row * queries + i % queries) * keys, keys, cap.data[0], out + i * keys);
    }
  });
}

}  // namespace salmon
