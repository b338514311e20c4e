// Products with a weight matrix that rests in bfloat16: y = x W^T + b, operands rounded to bfloat16, sums in float32.
//
// The weights are packed once: panels of 16 outputs, and in a panel pair after pair of inputs, [pair][16 outputs][2]. That is at once
// the tile of Intel's AMX, the operand of AVX512-BF16's pair product, and, for everybody else, two vectors of 16 floats behind a shift
// and a mask. Every output is summed in an order that depends on the shapes alone, whatever the number of threads.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "aligned.h"
#include "clones.h"
#include "ops.h"
#include "thread_pool.h"
#include "tiles.h"

#ifdef SALMON_TILES
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace salmon {
namespace {

constexpr int64_t kPanel = 16;   // outputs of a panel
constexpr int64_t kBlock = 32;   // rows, and outputs, of the block that a kernel computes; panels come in pairs
constexpr int64_t kStep = 32;    // inputs of one step: a tile is 16 rows of 32 values
constexpr int64_t kPairs = kStep / 2;
constexpr int64_t kLeftStep = kBlock * kStep;          // left values of one step
constexpr int64_t kRightStep = kPairs * kPanel;        // packed words of one step of a panel

// One task computes 256 rows by 128 outputs; 1024 inputs at a time, its operands (0.5 and 0.25 MB) stay in the second-level cache.
constexpr int64_t kRowBlocks = 8;
constexpr int64_t kOutputBlocks = 4;
constexpr int64_t kStepsAtOnce = 32;

/** To nearest, ties to even; NaN stays NaN. */
__attribute__((always_inline)) inline uint16_t ToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t rounded = bits + 0x7FFF + ((bits >> 16) & 1);
  return static_cast<uint16_t>(((bits & 0x7FFFFFFF) > 0x7F800000 ? bits | 0x400000 : rounded) >> 16);
}

__attribute__((always_inline)) inline float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

__attribute__((always_inline)) inline void Put(float value, uint16_t* to) { *to = ToBf16(value); }
__attribute__((always_inline)) inline void Put(float value, float* to) { *to = FromBits(static_cast<uint32_t>(ToBf16(value)) << 16); }

/** sums[32][32] (+)= left (32 rows) times right (two panels) over `steps` steps. */
struct Slab {
  const void* left;
  const uint32_t* right0;
  const uint32_t* right1;
  int64_t steps;
  bool add;
  float* sums;
};

/** One way to compute: what the left operand is stored as, and what surrounds the calls of a task. */
struct Path {
  bool left_is_float;
  void (*kernel)(const Slab&);
  void (*begin)();
  void (*end)();
};

void Nothing() {}

template <int L>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * L), aligned(4), may_alias));
  typedef uint32_t Words __attribute__((vector_size(4 * L), aligned(4), may_alias));
};

/** Any processor: bfloat16 pairs widened to floats. R rows and C vectors of L outputs at a time, as the registers allow. */
template <int R, int C, int L>
__attribute__((always_inline)) inline void WidenedKernel(const Slab& s) {
  typedef typename Lanes<L>::Floats V;
  typedef typename Lanes<L>::Words U;
  for (int64_t column = 0; column < kBlock; column += C * L) {
    const uint32_t* right[C];
    for (int c = 0; c < C; c++) right[c] = (column + c * L < kPanel ? s.right0 : s.right1) + (column + c * L) % kPanel;
    for (int64_t row = 0; row < kBlock; row += R) {
      const float* left = static_cast<const float*>(s.left) + row * kStep;
      float* sums = s.sums + row * kBlock + column;
      V acc[R][C];
      for (int r = 0; r < R; r++) {
        for (int c = 0; c < C; c++) acc[r][c] = s.add ? *reinterpret_cast<const V*>(sums + r * kBlock + c * L) : V{};
      }
      for (int64_t step = 0; step < s.steps; step++) {
        for (int64_t pair = 0; pair < kPairs; pair++) {
          V low[C], high[C];
          for (int c = 0; c < C; c++) {
            const U both = *reinterpret_cast<const U*>(right[c] + step * kRightStep + pair * kPanel);
            low[c] = reinterpret_cast<V>(both << 16);
            high[c] = reinterpret_cast<V>(both & 0xFFFF0000u);
          }
          const float* x = left + step * kLeftStep + 2 * pair;
          for (int r = 0; r < R; r++) {
            for (int c = 0; c < C; c++) acc[r][c] += x[r * kStep] * low[c];
            for (int c = 0; c < C; c++) acc[r][c] += x[r * kStep + 1] * high[c];
          }
        }
      }
      for (int r = 0; r < R; r++) {
        for (int c = 0; c < C; c++) *reinterpret_cast<V*>(sums + r * kBlock + c * L) = acc[r][c];
      }
    }
  }
}

void PlainKernel(const Slab& s) { WidenedKernel<4, 2, 4>(s); }

#ifdef SALMON_TILES

__attribute__((target("avx2,fma"))) void Avx2Kernel(const Slab& s) { WidenedKernel<4, 2, 8>(s); }

__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void Avx512Kernel(const Slab& s) { WidenedKernel<8, 2, 16>(s); }

__attribute__((target("avx512f,avx512bf16"))) void PairKernel(const Slab& s) {
  for (int64_t row = 0; row < kBlock; row += 8) {
    const uint16_t* left = static_cast<const uint16_t*>(s.left) + row * kStep;
    float* sums = s.sums + row * kBlock;
    __m512 acc[8][2];
    for (int r = 0; r < 8; r++) {
      acc[r][0] = s.add ? _mm512_loadu_ps(sums + r * kBlock) : _mm512_setzero_ps();
      acc[r][1] = s.add ? _mm512_loadu_ps(sums + r * kBlock + kPanel) : _mm512_setzero_ps();
    }
    for (int64_t step = 0; step < s.steps; step++) {
      for (int64_t pair = 0; pair < kPairs; pair++) {
        const __m512bh r0 = (__m512bh)_mm512_loadu_si512(s.right0 + step * kRightStep + pair * kPanel);
        const __m512bh r1 = (__m512bh)_mm512_loadu_si512(s.right1 + step * kRightStep + pair * kPanel);
        const uint16_t* x = left + step * kLeftStep + 2 * pair;
        for (int r = 0; r < 8; r++) {
          int32_t both;
          std::memcpy(&both, x + r * kStep, sizeof(both));
          const __m512bh l = (__m512bh)_mm512_set1_epi32(both);
          acc[r][0] = _mm512_dpbf16_ps(acc[r][0], l, r0);
          acc[r][1] = _mm512_dpbf16_ps(acc[r][1], l, r1);
        }
      }
    }
    for (int r = 0; r < 8; r++) {
      _mm512_storeu_ps(sums + r * kBlock, acc[r][0]);
      _mm512_storeu_ps(sums + r * kBlock + kPanel, acc[r][1]);
    }
  }
}

__attribute__((target("amx-tile,amx-bf16"))) void TilesKernel(const Slab& s) {
  const uint16_t* left = static_cast<const uint16_t*>(s.left);
  float* sums = s.sums;
  constexpr int64_t kBytes = kBlock * sizeof(float);
  if (s.add) {
    _tile_loadd(0, sums, kBytes);
    _tile_loadd(1, sums + 16, kBytes);
    _tile_loadd(2, sums + 16 * kBlock, kBytes);
    _tile_loadd(3, sums + 16 * kBlock + 16, kBytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t step = 0; step < s.steps; step++) {
    _tile_loadd(4, left + step * kLeftStep, 64);
    _tile_loadd(6, s.right0 + step * kRightStep, 64);
    _tile_loadd(5, left + step * kLeftStep + 16 * kStep, 64);
    _tile_loadd(7, s.right1 + step * kRightStep, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, kBytes);
  _tile_stored(1, sums + 16, kBytes);
  _tile_stored(2, sums + 16 * kBlock, kBytes);
  _tile_stored(3, sums + 16 * kBlock + 16, kBytes);
}

sigjmp_buf trial_failed;

void OnIllegal(int) { siglongjmp(trial_failed, 1); }

/** Runs a small product and compares it with the plain one: a virtual machine may announce instructions that it does not run. */
bool Works(const Path& path) {
  alignas(64) uint16_t left[kLeftStep];
  alignas(64) uint32_t right[2 * kRightStep];
  alignas(64) float sums[kBlock * kBlock], plain[kBlock * kBlock], wide[kLeftStep];
  for (int64_t i = 0; i < kLeftStep; i++) {
    left[i] = ToBf16(static_cast<float>(i % 7) - 3);
    Put(static_cast<float>(i % 7) - 3, wide + i);
  }
  for (int64_t i = 0; i < 2 * kRightStep; i++) right[i] = ToBf16(static_cast<float>(i % 5)) | static_cast<uint32_t>(ToBf16(static_cast<float>(i % 3) - 1)) << 16;
  PlainKernel({wide, right, right + kRightStep, 1, false, plain});
  struct sigaction trap = {}, before = {};
  trap.sa_handler = OnIllegal;
  sigemptyset(&trap.sa_mask);
  if (sigaction(SIGILL, &trap, &before) != 0) return false;
  volatile bool ran = false;
  if (sigsetjmp(trial_failed, 1) == 0) {
    path.begin();
    path.kernel({left, right, right + kRightStep, 1, false, sums});
    path.end();
    ran = true;
  }
  sigaction(SIGILL, &before, nullptr);
  return ran && std::equal(sums, sums + kBlock * kBlock, plain);
}

/** Whether the processor shows tiles and the system lets this process use them. */
bool MayUseTiles() {
  static const bool has = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const bool tiles = (d >> 24 & 1) != 0 && (d >> 22 & 1) != 0;  // AMX-TILE, AMX-BF16
    constexpr int kRequestPermission = 0x1023, kTileData = 18;    // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
    return tiles && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return has;
}

#endif

/** Paths by number: tiles, pairs, avx512, avx2, plain. */
constexpr int kPaths = 5;

/** Null where the processor lacks it. */
const Path* PathAt(int index) {
  static const Path plain = {true, PlainKernel, Nothing, Nothing};
  if (index == kPaths - 1) return &plain;
#ifdef SALMON_TILES
  static const Path tiles = {false, TilesKernel, BeginTiles, EndTiles}, pairs = {false, PairKernel, Nothing, Nothing};
  static const Path avx512 = {true, Avx512Kernel, Nothing, Nothing}, avx2 = {true, Avx2Kernel, Nothing, Nothing};
  static const bool has_tiles = MayUseTiles() && Works(tiles);
  static const bool has_pairs = __builtin_cpu_supports("avx512bf16") && Works(pairs);
  static const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (index == 0) return has_tiles ? &tiles : nullptr;
  if (index == 1) return has_pairs ? &pairs : nullptr;
  if (index == 2) return has_avx512 ? &avx512 : nullptr;
  if (index == 3) return has_avx2 ? &avx2 : nullptr;
#endif
  return nullptr;
}

int Fastest() {
  static const int fastest = [] {
    int index = 0;
    while (PathAt(index) == nullptr) index++;
#ifdef SALMON_TILES
    // Intel's cores start a pair product every second cycle, where they do two widened multiply-adds in each; AMD's are twice as fast.
    if (index == 1 && PathAt(2) != nullptr && !__builtin_cpu_is("amd")) index = 2;
#endif
    return index;
  }();
  return fastest;
}

int64_t Up(int64_t n, int64_t to) { return (n + to - 1) / to; }

/** 32 rows as left operand: [step][row][32]; missing rows and inputs are zero. */
template <typename T>
__attribute__((always_inline)) inline void PackRows(const float* x, int64_t rows, int64_t inputs, T* out) {
  const int64_t steps = Up(inputs, kStep);
  for (int64_t step = 0; step < steps; step++) {
    const int64_t count = std::min(kStep, inputs - step * kStep);
    for (int64_t r = 0; r < kBlock; r++) {
      T* to = out + step * kLeftStep + r * kStep;
      if (r >= rows) {
        std::memset(to, 0, kStep * sizeof(T));
        continue;
      }
      const float* from = x + r * inputs + step * kStep;
      for (int64_t i = 0; i < count; i++) Put(from[i], to + i);
      for (int64_t i = count; i < kStep; i++) to[i] = 0;
    }
  }
}

SALMON_CLONES
void PackLeft(const float* x, int64_t rows, int64_t inputs, uint16_t* out) { PackRows(x, rows, inputs, out); }

SALMON_CLONES
void PackLeft(const float* x, int64_t rows, int64_t inputs, float* out) { PackRows(x, rows, inputs, out); }

struct Product {
  const float* x;
  const uint32_t* packed;
  const float* bias;  // or null
  int64_t rows, inputs, outputs;
  float* out;
};

/** Writes a finished block of sums, bias added, without what lies beyond the edges. */
void Finish(const Product& p, const float* sums, int64_t row, int64_t output) {
  const int64_t rows = std::min(kBlock, p.rows - row), count = std::min(kBlock, p.outputs - output);
  for (int64_t r = 0; r < rows; r++) {
    float* to = p.out + (row + r) * p.outputs + output;
    const float* from = sums + r * kBlock;
    if (p.bias == nullptr) {
      std::memcpy(to, from, count * sizeof(float));
    } else {
      for (int64_t i = 0; i < count; i++) to[i] = from[i] + p.bias[output + i];
    }
  }
}

template <typename T>
void Multiply(const Product& p, const Path& path) {
  const int64_t steps = Up(p.inputs, kStep), row_blocks = Up(p.rows, kBlock), output_blocks = Up(p.outputs, kBlock);
  const int64_t left_size = steps * kLeftStep, panel = steps * kRightStep;
  const auto left = Aligned<T>(row_blocks * left_size);
  ParallelFor(row_blocks, [&](int64_t i) { PackLeft(p.x + i * kBlock * p.inputs, std::min(kBlock, p.rows - i * kBlock), p.inputs, left.get() + i * left_size); });
  const int64_t row_tasks = Up(row_blocks, kRowBlocks), tasks = row_tasks * Up(output_blocks, kOutputBlocks);
  ParallelFor(tasks, [&](int64_t task) {
    const int64_t row = task % row_tasks * kRowBlocks, rows = std::min(kRowBlocks, row_blocks - row);
    const int64_t output = task / row_tasks * kOutputBlocks, outputs = std::min(kOutputBlocks, output_blocks - output);
    alignas(64) float sums[kRowBlocks * kOutputBlocks * kBlock * kBlock];
    path.begin();
    for (int64_t step = 0; step < steps; step += kStepsAtOnce) {
      const int64_t now = std::min(kStepsAtOnce, steps - step);
      for (int64_t o = 0; o < outputs; o++) {
        const uint32_t* right = p.packed + 2 * (output + o) * panel + step * kRightStep;
        for (int64_t r = 0; r < rows; r++) {
          path.kernel({left.get() + (row + r) * left_size + step * kLeftStep, right, right + panel, now, step > 0, sums + (r * kOutputBlocks + o) * kBlock * kBlock});
        }
      }
    }
    path.end();
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t o = 0; o < outputs; o++) Finish(p, sums + (r * kOutputBlocks + o) * kBlock * kBlock, (row + r) * kBlock, (output + o) * kBlock);
    }
  });
}

/** Packs 16 outputs: `word(output, pair)` gives two neighbouring inputs of an output, the first in the low half. */
template <typename Word>
void PackPanel(int64_t pairs, uint32_t* out, const Word& word) {
  for (int64_t from = 0; from < pairs; from += kPairs) {
    const int64_t to = std::min(pairs, from + kPairs);
    for (int64_t o = 0; o < kPanel; o++) {
      for (int64_t pair = from; pair < to; pair++) out[pair * kPanel + o] = word(o, pair);
    }
  }
}

/** The packed shape of [outputs, inputs]: panels by words. */
std::vector<int64_t> PackedShape(int64_t outputs, int64_t inputs) { return {2 * Up(outputs, kBlock), Up(inputs, kStep) * kRightStep}; }

}  // namespace

/** rows float [outputs, inputs] -> packed. */
void GemmPack(Op& op) {
  const In<float> rows = op.F(0);
  const int64_t outputs = rows.dim(0), inputs = rows.dim(1);
  const std::vector<int64_t> shape = PackedShape(outputs, inputs);
  uint32_t* out = reinterpret_cast<uint32_t*>(op.Out<int32_t>(0, shape));
  ParallelFor(shape[0], [&](int64_t panel) {
    PackPanel(shape[1] / kPanel, out + panel * shape[1], [&](int64_t o, int64_t pair) {
      const int64_t output = panel * kPanel + o, input = 2 * pair;
      if (output >= outputs || input >= inputs) return 0u;
      const float* at = rows.data + output * inputs + input;
      return static_cast<uint32_t>(ToBf16(at[0])) | (input + 1 < inputs ? static_cast<uint32_t>(ToBf16(at[1])) << 16 : 0u);
    });
  });
}

/** words int32 [outputs, inputs / 2], two bfloat16 each as they lie in a file -> packed. */
void GemmPackWords(Op& op) {
  const In<int32_t> words = op.I(0);
  const int64_t outputs = words.dim(0), pairs = words.dim(1);
  const std::vector<int64_t> shape = PackedShape(outputs, 2 * pairs);
  uint32_t* out = reinterpret_cast<uint32_t*>(op.Out<int32_t>(0, shape));
  ParallelFor(shape[0], [&](int64_t panel) {
    PackPanel(shape[1] / kPanel, out + panel * shape[1], [&](int64_t o, int64_t pair) {
      const int64_t output = panel * kPanel + o;
      return output < outputs && pair < pairs ? static_cast<uint32_t>(words.data[output * pairs + pair]) : 0u;
    });
  });
}

/** x [n, inputs], packed, bias [outputs] or [0], scalars [outputs, path or -1] -> x W^T + bias. */
void GemmBf16(Op& op) {
  const In<float> x = op.F(0), bias = op.F(2), scalars = op.F(3);
  const In<int32_t> packed = op.I(1);
  Require(scalars.size == 2, "scalars are outputs and path");
  const int64_t rows = x.dim(0), inputs = x.dim(1), outputs = static_cast<int64_t>(scalars.data[0]);
  Require(inputs > 0, "the matrices have no inputs");
  Require(packed.shape == PackedShape(outputs, inputs) && (bias.size == 0 || bias.size == outputs), "the matrices do not fit each other");
  const int wanted = static_cast<int>(scalars.data[1]);
  const Path* chosen = PathAt(wanted < 0 ? Fastest() : wanted);
  Require(chosen != nullptr, "this processor lacks the instructions asked for");
  const Path& path = *chosen;
  const Product product{x.data, reinterpret_cast<const uint32_t*>(packed.data), bias.size == 0 ? nullptr : bias.data, rows, inputs, outputs, op.Out<float>(0, {rows, outputs})};
  if (path.left_is_float) {
    Multiply<float>(product, path);
  } else {
    Multiply<uint16_t>(product, path);
  }
}

/** packed, indices int32 [n], scalars [outputs, inputs] -> those rows of W as float [n, inputs]. */
void GemmRows(Op& op) {
  const In<int32_t> packed = op.I(0), indices = op.I(1);
  const In<float> scalars = op.F(2);
  Require(scalars.size == 2, "scalars are outputs and inputs");
  const int64_t outputs = static_cast<int64_t>(scalars.data[0]), inputs = static_cast<int64_t>(scalars.data[1]);
  Require(packed.shape == PackedShape(outputs, inputs), "the matrix has another shape");
  for (int64_t i = 0; i < indices.size; i++) Require(indices.data[i] >= 0 && indices.data[i] < outputs, "a row that is asked for does not exist");
  float* out = op.Out<float>(0, {indices.size, inputs});
  ParallelBlocks(indices.size, 16, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t row = indices.data[i];
      const uint32_t* words = reinterpret_cast<const uint32_t*>(packed.data) + row / kPanel * packed.dim(1) + row % kPanel;
      for (int64_t k = 0; k < inputs; k++) {
        const uint32_t word = words[k / 2 * kPanel];
        out[i * inputs + k] = FromBits(k % 2 == 0 ? word << 16 : word & 0xFFFF0000u);
      }
    }
  });
}

/** any [n] -> 1 for each path (tiles, pairs, avx512, avx2, plain) that this processor runs, then the number of the one that is used. */
void GemmPaths(Op& op) {
  float* out = op.Out<float>(0, {kPaths + 1});
  for (int i = 0; i < kPaths; i++) out[i] = PathAt(i) != nullptr ? 1.0f : 0.0f;
  out[kPaths] = static_cast<float>(Fastest());
}

bool HasTiles() { return PathAt(0) != nullptr && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"); }

}  // namespace salmon
