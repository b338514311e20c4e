// Entries of x W^T + bias above a threshold, without the float32 product: products in low precision give every pair to within a bound that is
// known beforehand; the few pairs that may lie above their threshold are then computed in float32. What comes out is what the float32 product
// would have given, to the rounding of its sums.
#include "screen.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "clones.h"
#include "op.h"
#include "products.h"
#include "thread_pool.h"

namespace salmon {

float LimitOf(const ScreenTask& task, int64_t f) {
  const float low = task.low[f], bias = task.bias == nullptr ? 0.0f : task.bias[f];
  return std::isfinite(low) ? low - bias - 2e-7f * (std::fabs(low) + std::fabs(bias)) : low;
}

namespace {

/** Where more than one pair in eight may lie above, the float32 product costs less than computing those pairs one by one. */
constexpr int64_t kMostMarked = 8;
/** Every sixteenth block of latents is looked at first, to tell whether the others are worth it. */
constexpr int64_t kSampleEvery = 16;

/** Pairs of one block of latents, row after row within a latent. */
struct Block {
  std::vector<int32_t> row;
  int32_t count[kMarkLatents] = {};
};

int64_t LatentsOf(const ScreenTask& task, int64_t block) { return std::min(kMarkLatents, task.latents - block * kMarkLatents); }

SALMON_CLONES
int32_t CountBits(const uint32_t* words, int64_t n) {
  int32_t count = 0;
  for (int64_t i = 0; i < n; i++) count += __builtin_popcount(words[i]);
  return count;
}

void FindInto(Block& found, const ScreenTask& task, const Screener& screener, int64_t block) {
  const int64_t words = (task.batch + kMarkRows - 1) / kMarkRows, latents = LatentsOf(task, block);
  const uint32_t last = task.batch % kMarkRows == 0 ? 0xFFFFFFFFu : (1u << task.batch % kMarkRows) - 1;
  std::vector<uint32_t> marks(kMarkLatents * words);
  screener.Mark(block * kMarkLatents, latents, marks.data());
  int64_t total = 0;
  for (int64_t i = 0; i < latents; i++) {
    uint32_t* of = marks.data() + i * words;
    of[words - 1] &= last;
    total += found.count[i] = CountBits(of, words);
  }
  found.row.resize(total);
  int32_t* to = found.row.data();
  for (int64_t i = 0; i < latents; i++) {
    for (int64_t n = 0; n < words; n++) {
      for (uint32_t mark = marks[i * words + n]; mark != 0; mark &= mark - 1) *to++ = static_cast<int32_t>(kMarkRows * n + __builtin_ctz(mark));
    }
  }
}

/** The pairs that may lie above, unless they are too many. */
bool Find(const ScreenTask& task, const Screener& screener, std::vector<Block>& blocks) {
  const int64_t count = static_cast<int64_t>(blocks.size());
  const int64_t sampled = (count + kSampleEvery - 1) / kSampleEvery;
  ParallelFor(sampled, [&](int64_t i) { FindInto(blocks[i * kSampleEvery], task, screener, i * kSampleEvery); });
  int64_t marked = 0, looked = 0;
  for (int64_t i = 0; i < sampled; i++) {
    marked += static_cast<int64_t>(blocks[i * kSampleEvery].row.size());
    looked += LatentsOf(task, i * kSampleEvery) * task.batch;
  }
  if (marked * kMostMarked > looked) return false;
  ParallelFor(count, [&](int64_t i) {
    if (i % kSampleEvery != 0) FindInto(blocks[i], task, screener, i);
  });
  return true;
}

/** Computes the pairs in float32 and keeps those above. */
Entries Decide(const ScreenTask& task, const std::vector<Block>& blocks) {
  const int64_t latents = task.latents, count = static_cast<int64_t>(blocks.size());
  std::vector<int32_t> starts(latents + 1, 0);
  for (int64_t f = 0; f < latents; f++) {
    const int64_t next = static_cast<int64_t>(starts[f]) + blocks[f / kMarkLatents].count[f % kMarkLatents];
    Require(next < INT32_MAX, "more than 2^31 entries in one batch");
    starts[f + 1] = static_cast<int32_t>(next);
  }
  std::vector<int32_t> row(starts[latents]);
  std::vector<float> value(starts[latents]);
  ParallelFor(count, [&](int64_t i) { std::copy(blocks[i].row.begin(), blocks[i].row.end(), row.begin() + starts[i * kMarkLatents]); });
  BlockedDots({starts.data(), row.data(), latents, task.x, task.batch, task.rows, task.d}, value.data());

  // In place within each block of latents, then joined.
  std::vector<int32_t> kept(latents, 0);
  ParallelFor(count, [&](int64_t i) {
    int32_t to = starts[i * kMarkLatents];
    for (int64_t f = i * kMarkLatents, end = f + LatentsOf(task, i); f < end; f++) {
      const int32_t from = to;
      for (int32_t e = starts[f]; e < starts[f + 1]; e++) {
        const float v = task.bias == nullptr ? value[e] : value[e] + task.bias[f];
        // Without a branch, which nobody could predict.
        row[to] = row[e];
        value[to] = v;
        to += v > task.low[f];
      }
      kept[f] = to - from;
    }
  });
  Entries out;
  out.starts.assign(latents + 1, 0);
  for (int64_t f = 0; f < latents; f++) out.starts[f + 1] = out.starts[f] + kept[f];
  out.row.resize(out.starts[latents]);
  out.value.resize(out.starts[latents]);
  for (int64_t i = 0; i < count; i++) {
    const int64_t f = i * kMarkLatents;
    const int32_t from = starts[f], to = out.starts[f], n = out.starts[f + LatentsOf(task, i)] - to;
    std::copy_n(row.begin() + from, n, out.row.begin() + to);
    std::copy_n(value.begin() + from, n, out.value.begin() + to);
  }
  return out;
}

}  // namespace

bool ScreenEntries(const ScreenTask& task, ScreenPath path, Entries& entries) {
  const auto screener = path == ScreenPath::kTiles ? TileScreener(task) : ByteScreener(task, path);
  std::vector<Block> blocks(task.batch == 0 ? 0 : (task.latents + kMarkLatents - 1) / kMarkLatents);
  entries.starts.assign(task.latents + 1, 0);
  if (!Find(task, *screener, blocks)) return false;
  if (!blocks.empty()) entries = Decide(task, blocks);
  return true;
}

}  // namespace salmon
