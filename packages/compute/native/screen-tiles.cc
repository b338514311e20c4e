// Screening with bfloat16 tiles (Intel AMX).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "screen.h"
#include "simd.h"
#include "thread_pool.h"
#include "tiles.h"

namespace salmon {

#ifdef SALMON_TILES

namespace {

constexpr int64_t kTileRows = 16;   // rows of a tile
constexpr int64_t kTileK = 32;      // bfloat16 values in a tile row
constexpr int64_t kTileSize = 512;  // bfloat16 values of a tile

float Norm(const float* row, int64_t d) { return static_cast<float>(std::sqrt(SquaredNorm(row, d))); }

/** 16 rows as tiles of the left operand: [k block][row][32]. Missing rows and columns are zero. */
__attribute__((target("avx512f,avx512bw,avx512vl"))) void PackLeft(const float* rows, int64_t count, int64_t d, uint16_t* out) {
  const int64_t blocks = (d + kTileK - 1) / kTileK;
  std::memset(out, 0, blocks * kTileSize * sizeof(uint16_t));
  for (int64_t r = 0; r < count; r++) {
    const float* row = rows + r * d;
    uint16_t* to = out + r * kTileK;
    int64_t k = 0;
    for (; k + kTileK <= d; k += kTileK, to += kTileSize) {
      for (int64_t i = 0; i < kTileK; i++) to[i] = ToBf16(row[k + i]);
    }
    for (int64_t i = 0; k + i < d; i++) to[i] = ToBf16(row[k + i]);
  }
}

/** 16 rows as tiles of the right operand, pairs of k interleaved: [k / 2][row][2], which is tile after tile. */
void PackRight(const float* rows, int64_t count, int64_t d, uint16_t* out) {
  const int64_t blocks = (d + kTileK - 1) / kTileK;
  std::memset(out, 0, blocks * kTileSize * sizeof(uint16_t));
  for (int64_t r = 0; r < count; r++) {
    for (int64_t k = 0; k < d; k++) out[(k / 2) * (2 * kTileRows) + 2 * r + k % 2] = ToBf16(rows[r * d + k]);
  }
}

struct Block {
  const uint16_t* left;   // latents as tiles
  const uint16_t* right;  // the batch as tiles
  int64_t panel;          // values of 16 rows
  int64_t batch;
  int64_t latents;         // in this block
  const float* limit;      // [latents]
  const float* slack;      // [latents] bound of the error per unit of the row's norm
  const float* row_norms;  // [batch, padded to 32 with zeros]
  uint32_t* marks;
};

__attribute__((target("amx-tile,amx-bf16,avx512f"))) void MarkBlock(const Block& b) {
  BeginTiles();
  alignas(64) float sums[32 * 32];
  const int64_t words = (b.batch + kMarkRows - 1) / kMarkRows;
  for (int64_t n = 0; n < words; n++) {
    const uint16_t* right0 = b.right + 2 * n * b.panel;
    const uint16_t* right1 = right0 + b.panel;
    for (int64_t f = 0; f < b.latents; f += 32) {
      const uint16_t* left0 = b.left + f / 16 * b.panel;
      const uint16_t* left1 = left0 + b.panel;
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int64_t k = 0; k < b.panel; k += kTileSize) {
        _tile_loadd(4, left0 + k, 64);
        _tile_loadd(6, right0 + k, 64);
        _tile_loadd(5, left1 + k, 64);
        _tile_loadd(7, right1 + k, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      _tile_stored(0, sums, 128);
      _tile_stored(1, sums + 16, 128);
      _tile_stored(2, sums + 16 * 32, 128);
      _tile_stored(3, sums + 16 * 32 + 16, 128);
      const __m512 norms0 = _mm512_loadu_ps(b.row_norms + 32 * n), norms1 = _mm512_loadu_ps(b.row_norms + 32 * n + 16);
      const int64_t here = std::min<int64_t>(32, b.latents - f);
      for (int64_t i = 0; i < here; i++) {
        const __m512 limit = _mm512_set1_ps(b.limit[f + i]), slack = _mm512_set1_ps(b.slack[f + i]);
        const uint32_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(sums + 32 * i), _mm512_fnmadd_ps(slack, norms0, limit), _CMP_NLE_UQ);
        const uint32_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(sums + 32 * i + 16), _mm512_fnmadd_ps(slack, norms1, limit), _CMP_NLE_UQ);
        b.marks[(f + i) * words + n] = low | high << 16;
      }
    }
  }
  EndTiles();
}

class Tiles : public Screener {
 public:
  explicit Tiles(const ScreenTask& task) : task_(task) {
    panel_ = (task.d + kTileK - 1) / kTileK * kTileSize;
    const int64_t columns = (task.batch + kMarkRows - 1) / kMarkRows * 2;  // tiles of 16 rows of x
    right_.resize(columns * panel_);
    norms_.assign(columns * kTileRows, 0.0f);
    ParallelFor(columns, [&](int64_t n) {
      const int64_t from = n * kTileRows, count = std::max<int64_t>(0, std::min(kTileRows, task.batch - from));
      PackRight(task.x + from * task.d, count, task.d, right_.data() + n * panel_);
      for (int64_t r = 0; r < count; r++) norms_[from + r] = Norm(task.x + (from + r) * task.d, task.d);
    });
  }

  void Mark(int64_t first, int64_t count, uint32_t* marks) const override {
    // |x . w - bf16(x) . bf16(w)| <= ||x|| ||w|| (2^-8 + 2^-18), each operand being rounded by at most 2^-9 of itself, and sums of d
    // terms in float32, here and in the product that is imitated, err by at most d 2^-24 ||x|| ||w|| each.
    const float error = 1.01f / 256 + 4.0f * static_cast<float>(task_.d) / 16777216;
    std::vector<uint16_t> left((count + 31) / 32 * 2 * panel_, 0);
    std::vector<float> limit(count), slack(count);
    for (int64_t i = 0; i < count; i += kTileRows) PackLeft(task_.rows + (first + i) * task_.d, std::min(kTileRows, count - i), task_.d, left.data() + i / kTileRows * panel_);
    for (int64_t i = 0; i < count; i++) {
      limit[i] = LimitOf(task_, first + i);
      slack[i] = error * Norm(task_.rows + (first + i) * task_.d, task_.d);
    }
    MarkBlock({left.data(), right_.data(), panel_, task_.batch, count, limit.data(), slack.data(), norms_.data(), marks});
  }

 private:
  ScreenTask task_;
  int64_t panel_;
  std::vector<uint16_t> right_;
  std::vector<float> norms_;
};

}  // namespace

std::unique_ptr<Screener> TileScreener(const ScreenTask& task) { return std::make_unique<Tiles>(task); }

#else

std::unique_ptr<Screener> TileScreener(const ScreenTask&) { return nullptr; }

#endif

}  // namespace salmon
