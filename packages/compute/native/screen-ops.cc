// The ops that screen: by threshold, by latent and by row, and the largest of a batch.
#include <algorithm>
#include <cmath>
#include <vector>

#include "columns.h"
#include "largest.h"
#include "ops.h"
#include "screen.h"
#include "simd.h"
#include "thread_pool.h"

namespace salmon {
namespace {

/** x, rows and bias of inputs 0 to 2. */
ScreenTask ReadSides(Op& op) {
  const In<float> x = op.F(0), rows = op.F(1), bias = op.F(2);
  Require(x.shape.size() == 2 && rows.shape.size() == 2 && rows.dim(1) == x.dim(1), "the matrices do not fit each other");
  Require(bias.size == 0 || bias.size == rows.dim(0), "the bias must have one value per latent, or none");
  return {x.data, x.dim(0), x.dim(1), rows.data, rows.dim(0), bias.size == 0 ? nullptr : bias.data, nullptr};
}

/** With the thresholds of input 3. */
ScreenTask ReadTask(Op& op) {
  ScreenTask task = ReadSides(op);
  const In<float> low = op.F(3);
  Require(low.size == task.latents, "one threshold per latent is needed");
  task.low = low.data;
  return task;
}

/** The path asked for by number, or the fastest for -1. */
ScreenPath PathOf(float number) {
  const int wanted = static_cast<int>(number);
  Require(wanted < kScreenPaths && (wanted >= 0 ? HasScreen(static_cast<ScreenPath>(wanted)) : BestScreen() != nullptr), "this processor lacks the instructions for screening");
  return wanted >= 0 ? static_cast<ScreenPath>(wanted) : *BestScreen();
}

void WriteEntries(Op& op, const ScreenTask& task, const Entries& entries, bool found) {
  const int64_t count = static_cast<int64_t>(entries.row.size());
  std::copy(entries.starts.begin(), entries.starts.end(), op.Out<int32_t>(0, {task.latents + 1}));
  std::copy(entries.row.begin(), entries.row.end(), op.Out<int32_t>(1, {count}));
  std::copy(entries.value.begin(), entries.value.end(), op.Out<float>(2, {count}));
  op.Out<float>(3, {})[0] = found ? 1.0f : 0.0f;
}

/** A positive value that somewhat more than `count` entries exceed, guessed from some rows and latents; 0 where that cannot be told. */
float GuessFloor(const ScreenTask& task, int64_t count) {
  constexpr int64_t kRows = 128, kLatents = 256, kHits = 200;
  const int64_t rows = std::min(kRows, task.batch);
  const double share = static_cast<double>(count) / static_cast<double>(task.batch) / static_cast<double>(task.latents);
  const int64_t latents = std::min(task.latents, std::max(kLatents, static_cast<int64_t>(kHits / share) / rows));
  std::vector<float> x(rows * task.d), value(rows * latents);
  std::vector<int32_t> row(rows);
  for (int64_t r = 0; r < rows; r++) {
    row[r] = static_cast<int32_t>(r);
    std::copy_n(task.x + task.batch * r / rows * task.d, task.d, x.data() + r * task.d);
  }
  ParallelBlocks(latents, 16, [&](int64_t from, int64_t to) {
    const int32_t starts[2] = {0, static_cast<int32_t>(rows)};
    for (int64_t i = from; i < to; i++) {
      const int64_t f = task.latents * i / latents;
      DotsSlice({starts, row.data(), 1, task.d}, x.data(), task.rows + f * task.d, task.d, false, value.data() + i * rows);
      if (task.bias == nullptr) continue;
      for (int64_t r = 0; r < rows; r++) value[i * rows + r] += task.bias[f];
    }
  });
  const int64_t wanted = static_cast<int64_t>(1.4 * share * static_cast<double>(rows * latents)) + 32;
  int64_t equal = 0;
  const float floor = LeastOfLargest(value.data(), rows * latents, wanted, &equal);
  return floor > 0 ? floor : 0.0f;
}

/** Keeps the `count` largest (ties: lower latent, then row). */
void KeepLargest(Entries& entries, int64_t count) {
  int64_t equal = 0;
  const float least = LeastOfLargest(entries.value.data(), static_cast<int64_t>(entries.value.size()), count, &equal);
  int32_t to = 0;
  for (size_t f = 0, e = 0; f + 1 < entries.starts.size(); f++) {
    for (const size_t end = entries.starts[f + 1]; e < end; e++) {
      // Without a branch, which nobody could predict.
      const float v = entries.value[e];
      const bool tie = v == least && equal > 0;
      equal -= tie;
      entries.row[to] = entries.row[e];
      entries.value[to] = v;
      to += v > least || tie;
    }
    entries.starts[f + 1] = to;
  }
  entries.row.resize(to);
  entries.value.resize(to);
}

}  // namespace

/**
 * x [B, d], rows [F, d], bias [F] or [0], low [F], [path or -1] -> entries of x rows^T + bias that are > low, and 1; or no entries and 0, where so many
 * pairs are near their thresholds that the float32 product costs less.
 */
void SparsifyProduct(Op& op) {
  const ScreenTask task = ReadTask(op);
  Entries entries;
  const bool found = ScreenEntries(task, PathOf(op.F(4).data[0]), entries);
  WriteEntries(op, task, entries, found);
}

/** The same compressed by row: indptr [B + 1], indices, values, and 1 or 0. */
void SparsifyProductRows(Op& op) {
  const ScreenTask task = ReadTask(op);
  Entries entries;
  const bool found = ScreenEntries(task, PathOf(op.F(4).data[0]), entries);
  WriteRows(op, {entries.starts.data(), entries.row.data(), entries.value.data(), task.latents, task.batch});
  op.Out<float>(3, {})[0] = found ? 1.0f : 0.0f;
}

/** x [B, d], rows [F, d], bias [F] or [0], [count, path or -1] -> the `count` largest positive entries of the batch, and 1; or none and 0, as above. */
void LargestOfProduct(Op& op) {
  ScreenTask task = ReadSides(op);
  const In<float> scalars = op.F(3);
  Require(scalars.size == 2 && scalars.data[0] >= 0, "scalars are count and path");
  const int64_t count = static_cast<int64_t>(scalars.data[0]);
  const ScreenPath path = PathOf(scalars.data[1]);
  Entries entries;
  bool found = count == 0 || task.batch == 0 || task.latents == 0;
  entries.starts.assign(task.latents + 1, 0);
  float floor = found ? 0.0f : GuessFloor(task, count);
  // A floor that turns out too high is lowered; exact, because the largest of those above a floor are the largest of all.
  for (int attempt = 0; attempt < 3 && !found; attempt++, floor *= 0.8f) {
    const std::vector<float> low(task.latents, floor);
    task.low = low.data();
    if (!ScreenEntries(task, path, entries)) break;
    found = floor == 0 || static_cast<int64_t>(entries.row.size()) >= count;
  }
  if (found) {
    KeepLargest(entries, count);
  } else {
    entries = {std::vector<int32_t>(task.latents + 1, 0), {}, {}};
  }
  WriteEntries(op, task, entries, found);
}

}  // namespace salmon
