// Entries of x W^T + bias above a threshold, without the float32 product: the processor's bfloat16 tiles (Intel AMX) give every product
// to within a bound that is known beforehand; the few pairs that may lie above their threshold are then computed in float32. What comes
// out is what the float32 product would have given, to the rounding of its sums.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops.h"
#include "products.h"
#include "simd.h"
#include "thread_pool.h"
#include "tiles.h"

namespace salmon {

#ifdef SALMON_TILES

namespace {

constexpr int64_t kTileRows = 16;   // rows of a tile
constexpr int64_t kTileK = 32;      // bfloat16 values in a tile row
constexpr int64_t kTileSize = 512;  // bfloat16 values of a tile
constexpr int64_t kLatents = 128;   // latents of a block: their tiles stay in the second-level cache

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
  const uint16_t* left;   // kLatents latents as tiles
  const uint16_t* right;  // the batch as tiles
  int64_t k_blocks;
  int64_t batch;
  int64_t latents;         // in this block
  const float* limit;      // [latents] low - bias
  const float* slack;      // [latents] bound of the error per unit of the row's norm
  const float* row_norms;  // [batch, padded to 32 with zeros]
  std::vector<int32_t>* candidates;  // [latents]
};

__attribute__((target("amx-tile,amx-bf16,avx512f"))) void ScreenBlock(const Block& b) {
  BeginTiles();
  alignas(64) float sums[32 * 32];
  const int64_t pairs = (b.batch + 31) / 32;
  const int64_t panel = b.k_blocks * kTileSize;
  for (int64_t n = 0; n < pairs; n++) {
    const uint16_t* right0 = b.right + 2 * n * panel;
    const uint16_t* right1 = right0 + panel;
    for (int64_t f = 0; f < b.latents; f += 32) {
      const uint16_t* left0 = b.left + f / 16 * panel;
      const uint16_t* left1 = left0 + panel;
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int64_t k = 0; k < panel; k += kTileSize) {
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
      const uint32_t real = b.batch - 32 * n >= 32 ? 0xFFFFFFFFu : (1u << (b.batch - 32 * n)) - 1;
      for (int64_t i = 0; i < here; i++) {
        const __m512 limit = _mm512_set1_ps(b.limit[f + i]), slack = _mm512_set1_ps(b.slack[f + i]);
        const uint32_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(sums + 32 * i), _mm512_fnmadd_ps(slack, norms0, limit), _CMP_GT_OQ);
        const uint32_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(sums + 32 * i + 16), _mm512_fnmadd_ps(slack, norms1, limit), _CMP_GT_OQ);
        for (uint32_t above = (low | high << 16) & real; above != 0; above &= above - 1) {
          b.candidates[f + i].push_back(static_cast<int32_t>(32 * n + __builtin_ctz(above)));
        }
      }
    }
  }
  EndTiles();
}

}  // namespace

/** x [B, d], rows [F, d], bias [F] or [0], low [F] -> entries of x rows^T + bias that are > low. */
void SparsifyProduct(Op& op) {
  const In<float> x = op.F(0), rows = op.F(1), bias = op.F(2), low = op.F(3);
  Require(HasTiles(), "this processor has no bfloat16 tiles");
  const int64_t batch = x.dim(0), d = x.dim(1), latents = rows.dim(0);
  Require(rows.dim(1) == d && low.size == latents && (bias.size == 0 || bias.size == latents), "the matrices do not fit each other");
  const int64_t k_blocks = (d + kTileK - 1) / kTileK, panel = k_blocks * kTileSize;
  const int64_t columns = (batch + 31) / 32 * 2;  // tiles of 16 rows of x

  std::vector<uint16_t> right(columns * panel);
  std::vector<float> norms(columns * kTileRows, 0.0f);
  ParallelFor(columns, [&](int64_t n) {
    const int64_t from = n * kTileRows, count = std::max<int64_t>(0, std::min(kTileRows, batch - from));
    PackRight(x.data + from * d, count, d, right.data() + n * panel);
    for (int64_t r = 0; r < count; r++) norms[from + r] = Norm(x.data + (from + r) * d, d);
  });

  // |x . w - bf16(x) . bf16(w)| <= ||x|| ||w|| (2^-8 + 2^-18), each operand being rounded by at most 2^-9 of itself, and sums of d
  // terms in float32, here and in the product that is imitated, err by at most d 2^-24 ||x|| ||w|| each.
  const float error = 1.01f / 256 + 4.0f * static_cast<float>(d) / 16777216;
  std::vector<std::vector<int32_t>> candidates(latents);
  ParallelFor((latents + kLatents - 1) / kLatents, [&](int64_t block) {
    const int64_t first = block * kLatents, count = std::min(kLatents, latents - first);
    std::vector<uint16_t> left((count + 31) / 32 * 2 * panel, 0);
    std::vector<float> limit(count), slack(count);
    for (int64_t i = 0; i < count; i += kTileRows) PackLeft(rows.data + (first + i) * d, std::min(kTileRows, count - i), d, left.data() + i / kTileRows * panel);
    for (int64_t i = 0; i < count; i++) {
      const float b = bias.size == 0 ? 0 : bias.data[first + i];
      limit[i] = low.data[first + i] - b;
      // The limit's own rounding counts as well.
      limit[i] -= 2e-7f * (std::fabs(low.data[first + i]) + std::fabs(b));
      slack[i] = error * Norm(rows.data + (first + i) * d, d);
    }
    ScreenBlock({left.data(), right.data(), k_blocks, batch, count, limit.data(), slack.data(), norms.data(), candidates.data() + first});
  });

  std::vector<int32_t> starts(latents + 1, 0);
  for (int64_t f = 0; f < latents; f++) {
    Require(static_cast<int64_t>(starts[f]) + static_cast<int64_t>(candidates[f].size()) < INT32_MAX, "more than 2^31 entries in one batch");
    starts[f + 1] = starts[f] + static_cast<int32_t>(candidates[f].size());
  }
  std::vector<int32_t> row(starts[latents]);
  std::vector<float> value(starts[latents]);
  ParallelBlocks(latents, 256, [&](int64_t from, int64_t to) {
    for (int64_t f = from; f < to; f++) std::copy(candidates[f].begin(), candidates[f].end(), row.begin() + starts[f]);
  });
  BlockedDots({starts.data(), row.data(), latents, x.data, batch, rows.data, d}, value.data());

  std::vector<int32_t> kept(latents + 1, 0);
  for (int64_t f = 0; f < latents; f++) {
    int32_t to = starts[f];
    for (int32_t e = starts[f]; e < starts[f + 1]; e++) {
      const float v = bias.size == 0 ? value[e] : value[e] + bias.data[f];
      if (!(v > low.data[f])) continue;
      row[to] = row[e];
      value[to++] = v;
    }
    kept[f + 1] = kept[f] + (to - starts[f]);
  }
  std::copy(kept.begin(), kept.end(), op.Out<int32_t>(0, {latents + 1}));
  int32_t* out_row = op.Out<int32_t>(1, {kept[latents]});
  float* out_value = op.Out<float>(2, {kept[latents]});
  for (int64_t f = 0; f < latents; f++) {
    const int32_t count = kept[f + 1] - kept[f];
    std::copy_n(row.begin() + starts[f], count, out_row + kept[f]);
    std::copy_n(value.begin() + starts[f], count, out_value + kept[f]);
  }
}

#else

void SparsifyProduct(Op&) { throw Error("this processor has no bfloat16 tiles"); }

#endif

}  // namespace salmon
