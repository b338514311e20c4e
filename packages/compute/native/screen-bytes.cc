// Screening with products of bytes (AVX512-VNNI, AVX-VNNI): four times as many multiply-adds in an instruction as in float32.
//
// The batch is centred and its columns are scaled by powers of two so that neither side has columns that dwarf the others (language models have
// such columns); then every row is cut to bytes with a step of its own, dither added before rounding and taken off again afterwards:
//   y = (x - mu) / c,  q = round(y / s + u),  y' = s (q - u);  v = w c,  p = round(v / t + z),  v' = t (p - z);
//   x . w = mu . w + y . v,  y' . v' = s t (q . p - u . p - z . q + u . z).
// With u and z uniform on [-1/2, 1/2], independent from column to column, the errors y - y' and v - v' are uniform on half a step to either side and
// independent whatever y and v are (subtractive dither: Schuchman 1964; Lipshitz, Wannamaker and Vanderkooy 1992). A sum of such errors times given
// weights is sub-Gaussian with its own variance (the uniform distribution is strictly so), hence
//   P(|(y - y') . v| > k s ||v||) <= 2 exp(-6 k^2),  and the same for y' . (v - v') with k t ||y'||.
// With k = 2.9 a pair that lies above its threshold goes unnoticed with a probability of less than 1e-21.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "aligned.h"
#include "clones.h"
#include "screen.h"
#include "simd.h"
#include "thread_pool.h"
#include "vectors.h"

#ifdef SALMON_BYTES
#include <immintrin.h>
#endif

namespace salmon {
namespace {

constexpr int64_t kPanel = 16;   // rows of the batch side by side
constexpr int64_t kGroup = 8;    // latents whose sums a kernel holds
constexpr int64_t kSample = 64;  // rows by which columns are judged

/** What the bytes of a row stand for, and sums over the row that the bound needs. */
struct Cut {
  float step;    // s: the value of one unit; 0 where all bytes are
  float size;    // ||y||, infinite or NaN where the bytes stand for nothing
  float norm;    // of the row as it is given
  float centre;  // mu . row
  float units;   // sum of q
  float dither;  // q . the other side's dither
};

typedef int32_t VI __attribute__((vector_size(64), aligned(4), may_alias));
typedef int8_t VB __attribute__((vector_size(16), aligned(1), may_alias));

/** A side's columns, padded with zeros to whole vectors: y = (row - offset) * factor. */
struct Columns {
  std::vector<float> offset, factor, dither;
  explicit Columns(int64_t width) : offset(width, 0.0f), factor(width, 0.0f), dither(width, 0.0f) {}
};

/** Cuts a row to bytes. `row`, `scaled` and `bytes` are as wide as the columns; `mu` is dotted with the row, `other` with the bytes. */
SALMON_CLONES
Cut CutRow(const float* row, const Columns& columns, const float* mu, const float* other, float* scaled, int8_t* bytes) {
  const int64_t width = static_cast<int64_t>(columns.factor.size());
  const float* offset = columns.offset.data();
  const float* factor = columns.factor.data();
  const float* dither = columns.dither.data();
  V most = {}, squares[2] = {}, norms[2] = {}, centres[2] = {};
  for (int64_t k = 0, odd = 0; k < width; k += kLanes, odd ^= 1) {
    const V given = Load(row + k), y = (given - Load(offset + k)) * Load(factor + k);
    Store(scaled + k, y);
    const V magnitude = reinterpret_cast<V>(reinterpret_cast<VI>(y) & 0x7FFFFFFF);
    most = most > magnitude ? most : magnitude;
    squares[odd] += y * y;
    norms[odd] += given * given;
    centres[odd] += given * Load(mu + k);
  }
  float largest = 0;
  for (int i = 0; i < kLanes; i++) largest = most[i] > largest ? most[i] : largest;
  const float size = std::sqrt(SumOf(squares[0] + squares[1])), norm = std::sqrt(SumOf(norms[0] + norms[1])), centre = SumOf(centres[0] + centres[1]);
  // A row so small or so large that its step is no ordinary number stands for nothing.
  if (!(largest > 1e-30f) || !(size < 1e30f)) {
    std::memset(bytes, 0, width);
    return {0, size == 0 ? 0 : size + INFINITY, norm, centre, 0, 0};
  }
  // Half a unit of dither still rounds to at most 127.
  const float step = largest / 126.4f, inverse = 126.4f / largest;
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: what is added and taken off again rounds to nearest
  V units = {}, others = {};
  for (int64_t k = 0; k < width; k += kLanes) {
    const V q = (Load(scaled + k) * inverse + Load(dither + k) + kShift) - kShift;
    units += q;
    others += q * Load(other + k);
    *reinterpret_cast<VB*>(bytes + k) = __builtin_convertvector(__builtin_convertvector(q, VI), VB);
  }
  return {step, size, norm, centre, SumOf(units), SumOf(others)};
}

/** Per row of the batch, padded to whole words with zeros. */
struct RowFacts {
  std::vector<float> step, size, norm, dither;
  explicit RowFacts(int64_t n) : step(n, 0.0f), size(n, 0.0f), norm(n, 0.0f), dither(n, 0.0f) {}
};

/** kGroup latents against one word of rows. */
struct Tile {
  const int8_t* left;   // [kGroup][4 * quads]
  const uint8_t* right;  // two panels of [quads][16][4], bytes + 128
  int64_t quads;
  const int32_t* start;  // [kGroup] takes the 128 off again
  // [kGroup] per latent: value of a unit, dither to take off, limit, and what the rows' steps, sizes and norms count in the bound.
  const float* step;
  const float* dither;
  const float* limit;
  const float* on_step;
  const float* on_size;
  const float* on_norm;
  // [32] per row
  const float* row_step;
  const float* row_dither;
  const float* row_size;
  const float* row_norm;
  uint32_t* marks;
  int64_t words;  // between the marks of neighbouring latents
};

/** In plain C++: what the others compute. */
void PlainTile(const Tile& t) {
  for (int64_t i = 0; i < kGroup; i++) {
    uint32_t marks = 0;
    for (int64_t r = 0; r < kMarkRows; r++) {
      const uint8_t* panel = t.right + r / kPanel * t.quads * kPanel * 4 + r % kPanel * 4;
      int32_t sum = t.start[i];
      for (int64_t q = 0; q < t.quads; q++) {
        for (int64_t b = 0; b < 4; b++) sum += static_cast<int32_t>(panel[q * kPanel * 4 + b]) * t.left[(i * t.quads + q) * 4 + b];
      }
      const float product = (static_cast<float>(sum) - t.row_dither[r] - t.dither[i]) * t.row_step[r] * t.step[i];
      const float most = product + t.on_step[i] * t.row_step[r] + t.on_size[i] * t.row_size[r] + t.on_norm[i] * t.row_norm[r];
      marks |= static_cast<uint32_t>(!(most <= t.limit[i])) << r;
    }
    t.marks[i * t.words] = marks;
  }
}

#ifdef SALMON_BYTES

__attribute__((target("avx512f,avx512vnni"))) void Tile512(const Tile& t) {
  const uint8_t* right0 = t.right;
  const uint8_t* right1 = t.right + t.quads * kPanel * 4;
  __m512i sums[kGroup][2];
  for (int64_t i = 0; i < kGroup; i++) sums[i][0] = sums[i][1] = _mm512_set1_epi32(t.start[i]);
  for (int64_t q = 0; q < t.quads; q++) {
    const __m512i x0 = _mm512_loadu_si512(right0 + q * 64), x1 = _mm512_loadu_si512(right1 + q * 64);
    for (int64_t i = 0; i < kGroup; i++) {
      int32_t four;
      std::memcpy(&four, t.left + (i * t.quads + q) * 4, sizeof(four));
      const __m512i w = _mm512_set1_epi32(four);
      sums[i][0] = _mm512_dpbusd_epi32(sums[i][0], x0, w);
      sums[i][1] = _mm512_dpbusd_epi32(sums[i][1], x1, w);
    }
  }
  for (int64_t i = 0; i < kGroup; i++) {
    const __m512 step = _mm512_set1_ps(t.step[i]), dither = _mm512_set1_ps(t.dither[i]), limit = _mm512_set1_ps(t.limit[i]);
    const __m512 on_step = _mm512_set1_ps(t.on_step[i]), on_size = _mm512_set1_ps(t.on_size[i]), on_norm = _mm512_set1_ps(t.on_norm[i]);
    uint32_t marks = 0;
    for (int half = 0; half < 2; half++) {
      const int64_t r = half * kPanel;
      const __m512 row_step = _mm512_loadu_ps(t.row_step + r);
      const __m512 sum = _mm512_sub_ps(_mm512_sub_ps(_mm512_cvtepi32_ps(sums[i][half]), _mm512_loadu_ps(t.row_dither + r)), dither);
      __m512 most = _mm512_mul_ps(row_step, _mm512_fmadd_ps(sum, step, on_step));
      most = _mm512_fmadd_ps(on_size, _mm512_loadu_ps(t.row_size + r), most);
      most = _mm512_fmadd_ps(on_norm, _mm512_loadu_ps(t.row_norm + r), most);
      marks |= static_cast<uint32_t>(_mm512_cmp_ps_mask(most, limit, _CMP_NLE_UQ)) << r;
    }
    t.marks[i * t.words] = marks;
  }
}

/** Half of the latents and half of the rows at a time, as sixteen registers allow. */
__attribute__((target("avx2,fma,avxvnni"))) void Tile256(const Tile& t) {
  constexpr int64_t kHalf = kGroup / 2;
  for (int64_t first = 0; first < kGroup; first += kHalf) {
    uint32_t marks[kHalf] = {};
    for (int64_t panel = 0; panel < 2; panel++) {
      const uint8_t* right = t.right + panel * t.quads * kPanel * 4;
      __m256i sums[kHalf][2];
      for (int64_t i = 0; i < kHalf; i++) sums[i][0] = sums[i][1] = _mm256_set1_epi32(t.start[first + i]);
      for (int64_t q = 0; q < t.quads; q++) {
        const __m256i x0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(right + q * 64));
        const __m256i x1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(right + q * 64 + 32));
        for (int64_t i = 0; i < kHalf; i++) {
          int32_t four;
          std::memcpy(&four, t.left + ((first + i) * t.quads + q) * 4, sizeof(four));
          const __m256i w = _mm256_set1_epi32(four);
          sums[i][0] = _mm256_dpbusd_avx_epi32(sums[i][0], x0, w);
          sums[i][1] = _mm256_dpbusd_avx_epi32(sums[i][1], x1, w);
        }
      }
      for (int64_t i = 0; i < kHalf; i++) {
        const int64_t f = first + i;
        for (int half = 0; half < 2; half++) {
          const int64_t r = panel * kPanel + half * 8;
          const __m256 sum = _mm256_sub_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(sums[i][half]), _mm256_loadu_ps(t.row_dither + r)), _mm256_set1_ps(t.dither[f]));
          __m256 most = _mm256_mul_ps(_mm256_loadu_ps(t.row_step + r), _mm256_fmadd_ps(sum, _mm256_set1_ps(t.step[f]), _mm256_set1_ps(t.on_step[f])));
          most = _mm256_fmadd_ps(_mm256_set1_ps(t.on_size[f]), _mm256_loadu_ps(t.row_size + r), most);
          most = _mm256_fmadd_ps(_mm256_set1_ps(t.on_norm[f]), _mm256_loadu_ps(t.row_norm + r), most);
          marks[i] |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(most, _mm256_set1_ps(t.limit[f]), _CMP_NLE_UQ))) << r;
        }
      }
    }
    for (int64_t i = 0; i < kHalf; i++) t.marks[(first + i) * t.words] = marks[i];
  }
}

#endif

void (*KernelOf(ScreenPath path))(const Tile&) {
#ifdef SALMON_BYTES
  if (path == ScreenPath::kBytes512) return Tile512;
  if (path == ScreenPath::kBytes256) return Tile256;
#endif
  return PlainTile;
}

/** Rows evenly spread over n. */
std::vector<int64_t> SampleOf(int64_t n) {
  std::vector<int64_t> sample;
  for (int64_t i = 0, count = std::min(n, kSample); i < count; i++) sample.push_back(n * i / count);
  return sample;
}

/** n numbers from [-1/2, 1/2), told by the seed. */
void FillDither(uint64_t seed, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i++) {
    // SplitMix64.
    uint64_t z = seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    out[i] = static_cast<float>((z ^ z >> 31) >> 40) / 16777216.0f - 0.5f;
  }
}

/** A number made of the bits of a row: dither differs from batch to batch and depends on nothing else. */
uint64_t SeedOf(const float* row, int64_t n) {
  uint64_t seed = 0xCBF29CE484222325u;
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, row + i, sizeof(bits));
    seed = (seed ^ bits) * 0x100000001B3u;
  }
  return seed;
}

int64_t Up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/** A row padded with zeros: itself where it is wide enough. */
const float* Padded(const float* row, int64_t d, std::vector<float>& buffer) {
  if (d == static_cast<int64_t>(buffer.size())) return row;
  std::memcpy(buffer.data(), row, d * sizeof(float));
  return buffer.data();
}

/** What a block of latents is screened with; padded to whole groups with latents that are zero. */
struct LatentBlock {
  std::vector<int8_t> bytes;  // [kMarkLatents][width]
  std::vector<int32_t> start;
  std::vector<float> step, dither, limit, on_step, on_size, on_norm;
  explicit LatentBlock(int64_t width) : bytes(kMarkLatents * width, 0), start(kMarkLatents, 0), step(kMarkLatents, 0.0f), dither(step), limit(step), on_step(step), on_size(step), on_norm(step) {}
};

class Bytes : public Screener {
 public:
  Bytes(const ScreenTask& task, ScreenPath path)
      : task_(task), kernel_(KernelOf(path)), width_(Up(task.d, kLanes)), words_(Up(task.batch, kMarkRows) / kMarkRows), batch_(width_), latents_(width_), mu_(width_, 0.0f), facts_(words_ * kMarkRows), right_(Aligned<uint8_t>(words_ * kMarkRows * width_)) {
    if (task.batch == 0 || task.latents == 0) return;
    std::memset(right_.get(), 128, words_ * kMarkRows * width_);
    JudgeColumns();
    FillDither(SeedOf(task.x, task.d), task.d, batch_.dither.data());
    FillDither(SeedOf(task.rows, task.d) ^ 0xD6E8FEB86659FD93u, task.d, latents_.dither.data());
    double squares = 0, both = 0;
    for (int64_t k = 0; k < task.d; k++) {
      squares += static_cast<double>(mu_[k]) * mu_[k];
      both += static_cast<double>(batch_.dither[k]) * latents_.dither[k];
    }
    both_dithers_ = static_cast<float>(both);
    ParallelFor(words_ * 2, [this, offset = static_cast<float>(std::sqrt(squares))](int64_t panel) { PackPanel(panel, offset); });
  }

  void Mark(int64_t first, int64_t count, uint32_t* marks) const override {
    const LatentBlock block = CutLatents(first, count);
    uint32_t rest[kGroup];
    for (int64_t n = 0; n < words_; n++) {
      const int64_t r = n * kMarkRows;
      for (int64_t f = 0; f < count; f += kGroup) {
        const bool whole = f + kGroup <= count;
        kernel_({block.bytes.data() + f * width_, right_.get() + r * width_, width_ / 4, block.start.data() + f, block.step.data() + f, block.dither.data() + f, block.limit.data() + f, block.on_step.data() + f,
                 block.on_size.data() + f, block.on_norm.data() + f, facts_.step.data() + r, facts_.dither.data() + r, facts_.size.data() + r, facts_.norm.data() + r, whole ? marks + f * words_ + n : rest, whole ? words_ : 1});
        if (!whole) {
          for (int64_t i = f; i < count; i++) marks[i * words_ + n] = rest[i - f];
        }
      }
    }
  }

 private:
  /** Offsets and scales of the columns, from a sample of rows on both sides: any choice is correct, a good one leaves little out. */
  void JudgeColumns() {
    const int64_t d = task_.d;
    const std::vector<int64_t> rows = SampleOf(task_.batch), latents = SampleOf(task_.latents);
    for (const int64_t r : rows) {
      for (int64_t k = 0; k < d; k++) mu_[k] += task_.x[r * d + k] / static_cast<float>(rows.size());
    }
    std::vector<float> most_x(d, 0.0f), most_w(d, 0.0f);
    for (const int64_t r : rows) {
      for (int64_t k = 0; k < d; k++) most_x[k] = std::max(most_x[k], std::fabs(task_.x[r * d + k] - mu_[k]));
    }
    for (const int64_t f : latents) {
      for (int64_t k = 0; k < d; k++) most_w[k] = std::max(most_w[k], std::fabs(task_.rows[f * d + k]));
    }
    for (int64_t k = 0; k < d; k++) {
      if (!std::isfinite(mu_[k])) mu_[k] = 0;
      const float ratio = most_x[k] / most_w[k];
      const int power = std::isfinite(ratio) && ratio > 0 ? static_cast<int>(std::lround(std::log2(ratio) / 2)) : 0;
      batch_.offset[k] = mu_[k];
      batch_.factor[k] = std::ldexp(1.0f, -power);
      latents_.factor[k] = std::ldexp(1.0f, power);
    }
  }

  void PackPanel(int64_t panel, float offset) {
    std::vector<float> scaled(width_), row(width_, 0.0f);
    std::vector<int8_t> bytes(width_);
    uint8_t* to = right_.get() + panel * kPanel * width_;
    for (int64_t i = 0; i < kPanel && panel * kPanel + i < task_.batch; i++) {
      const int64_t r = panel * kPanel + i;
      const Cut cut = CutRow(Padded(task_.x + r * task_.d, task_.d, row), batch_, mu_.data(), latents_.dither.data(), scaled.data(), bytes.data());
      for (int64_t q = 0; q < width_ / 4; q++) {
        uint32_t four;
        std::memcpy(&four, bytes.data() + 4 * q, sizeof(four));
        four ^= 0x80808080u;  // adds 128 to each
        std::memcpy(to + (q * kPanel + i) * 4, &four, sizeof(four));
      }
      facts_.step[r] = cut.step;
      facts_.dither[r] = cut.dither;
      facts_.size[r] = cut.size + 0.5f * cut.step * std::sqrt(static_cast<float>(task_.d));  // of y' at most
      facts_.norm[r] = cut.norm + offset;
    }
  }

  LatentBlock CutLatents(int64_t first, int64_t count) const {
    // Float32 sums, here (mu . w) and in the product that is imitated, run over chains of d / 16 terms and then over the lanes and blocks; what is
    // rounded on the way to the bytes and back is a few parts in 2^24 of the sizes.
    constexpr float kUnit = 1.0f / 16777216, kSure = 2.9f;
    const float sums = 4 * kUnit * (static_cast<float>(task_.d) / 16 + 64);
    LatentBlock block(width_);
    std::vector<float> scaled(width_), row(width_, 0.0f);
    for (int64_t i = 0; i < count; i++) {
      const Cut cut = CutRow(Padded(task_.rows + (first + i) * task_.d, task_.d, row), latents_, mu_.data(), batch_.dither.data(), scaled.data(), block.bytes.data() + i * width_);
      block.step[i] = cut.step;
      block.start[i] = -128 * static_cast<int32_t>(cut.units);
      block.dither[i] = cut.dither - both_dithers_;
      const float at = LimitOf(task_, first + i);
      block.limit[i] = std::isfinite(at) ? at - cut.centre - 4 * kUnit * (std::fabs(at) + std::fabs(cut.centre)) : at;
      block.on_step[i] = kSure * cut.size;
      block.on_size[i] = kSure * cut.step + 32 * kUnit * cut.size;
      block.on_norm[i] = sums * cut.norm;
    }
    return block;
  }

  ScreenTask task_;
  void (*kernel_)(const Tile&);
  int64_t width_, words_;
  Columns batch_, latents_;
  std::vector<float> mu_;
  float both_dithers_ = 0;
  RowFacts facts_;
  AlignedArray<uint8_t> right_;
};

}  // namespace

std::unique_ptr<Screener> ByteScreener(const ScreenTask& task, ScreenPath path) { return std::make_unique<Bytes>(task, path); }

}  // namespace salmon
