// From dense pre-activations to sparse entries: by threshold, top k per row, top k over the batch.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "columns.h"
#include "largest.h"
#include "ops.h"
#include "simd.h"
#include "thread_pool.h"

namespace salmon {
namespace {

struct Dense {
  In<float> pre;
  std::vector<float> bias;
  int64_t rows, latents;
};

Dense ReadDense(Op& op) {
  Dense d{op.F(0), {}, 0, 0};
  Require(d.pre.shape.size() == 2, "pre-activations must be a matrix");
  d.rows = d.pre.dim(0);
  d.latents = d.pre.dim(1);
  const In<float> bias = op.F(1);
  Require(bias.size == d.latents || bias.size == 0, "the bias must have one value per latent, or none");
  d.bias.assign(d.latents, 0.0f);
  if (bias.size > 0) std::copy(bias.data, bias.data + bias.size, d.bias.begin());
  return d;
}

std::vector<RowRun> MakeRuns(int64_t rows) {
  const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(rows, Threads() * 4));
  std::vector<RowRun> runs(parts);
  for (int64_t p = 0; p < parts; p++) {
    runs[p].first_row = rows * p / parts;
    runs[p].ends.reserve(rows * (p + 1) / parts - runs[p].first_row);
  }
  return runs;
}

int64_t RowsOf(const std::vector<RowRun>& runs, int64_t p, int64_t rows) {
  const int64_t parts = static_cast<int64_t>(runs.size());
  return rows * (p + 1) / parts - runs[p].first_row;
}

void ScanInto(std::vector<RowRun>& runs, const Dense& d, const float* low) {
  ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t p) {
    RowRun& run = runs[p];
    run.ends.clear();
    for (int64_t r = 0, n = RowsOf(runs, p, d.rows); r < n; r++) {
      run.Reserve(d.latents);
      const int64_t at = run.size();
      const float* pre = d.pre.data + (run.first_row + r) * d.latents;
      run.ends.push_back(at + ScanAbove(pre, d.bias.data(), low, d.latents, run.column.data() + at, run.value.data() + at));
    }
  });
}

}  // namespace

/** pre [B, F], bias [F] or [0], low [F] -> entries with pre + bias > low. */
void Sparsify(Op& op) {
  const Dense d = ReadDense(op);
  const In<float> low = op.F(2);
  Require(low.size == d.latents, "one threshold per latent is needed");
  std::vector<RowRun> runs = MakeRuns(d.rows);
  ScanInto(runs, d, low.data);
  WriteColumns(op, runs, d.latents);
}

/** pre [B, F], bias [F] or [0], k [1] -> the k largest of the positive entries of each row (ties: lower latent first). */
void TopK(Op& op) {
  const Dense d = ReadDense(op);
  const int64_t k = static_cast<int64_t>(op.F(2).data[0]);
  Require(k >= 0, "k must not be negative");
  std::vector<RowRun> runs = MakeRuns(d.rows);
  constexpr int64_t kBlock = 512;
  ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t p) {
    RowRun& run = runs[p];
    std::vector<int32_t> column(4 * k + 2 * kBlock + 32);
    std::vector<float> value(column.size());
    std::vector<int32_t> order;
    std::vector<float> low(kBlock);
    for (int64_t r = 0, n = RowsOf(runs, p, d.rows); r < n; r++) {
      const float* pre = d.pre.data + (run.first_row + r) * d.latents;
      int64_t held = 0;
      float floor = 0;
      // Keeps the k largest of what is held, in latent order; all later candidates must beat the least of them.
      const auto prune = [&] {
        if (held <= k) return;
        order.resize(held);
        std::iota(order.begin(), order.end(), 0);
        std::nth_element(order.begin(), order.begin() + k, order.end(), [&](int32_t a, int32_t b) { return value[a] > value[b] || (value[a] == value[b] && column[a] < column[b]); });
        order.resize(k);
        std::sort(order.begin(), order.end());
        floor = k == 0 ? INFINITY : value[order[0]];
        for (int64_t i = 0; i < k; i++) {
          column[i] = column[order[i]];
          value[i] = value[order[i]];
          floor = std::min(floor, value[i]);
        }
        held = k;
      };
      for (int64_t from = 0; from < d.latents; from += kBlock) {
        const int64_t width = std::min(kBlock, d.latents - from);
        std::fill(low.begin(), low.begin() + width, floor);
        const int64_t found = ScanAbove(pre + from, d.bias.data() + from, low.data(), width, column.data() + held, value.data() + held);
        for (int64_t i = held; i < held + found; i++) column[i] += static_cast<int32_t>(from);
        held += found;
        if (held > 3 * k + kBlock || from == 0) prune();
      }
      prune();
      run.Reserve(held);
      const int64_t at = run.size();
      std::copy(column.begin(), column.begin() + held, run.column.begin() + at);
      std::copy(value.begin(), value.begin() + held, run.value.begin() + at);
      run.ends.push_back(at + held);
    }
  });
  WriteColumns(op, runs, d.latents);
}

namespace {

/** A floor that leaves somewhat more than `count` entries, guessed from a sample of rows. */
float GuessFloor(const Dense& d, int64_t count, float floor) {
  const int64_t sample = std::min<int64_t>(d.rows, 48);
  std::vector<float> values(d.latents + 16), low(d.latents, floor), all;
  std::vector<int32_t> column(d.latents + 16);
  for (int64_t i = 0; i < sample; i++) {
    const float* pre = d.pre.data + (d.rows * i / sample) * d.latents;
    const int64_t found = ScanAbove(pre, d.bias.data(), low.data(), d.latents, column.data(), values.data());
    all.insert(all.end(), values.begin(), values.begin() + found);
  }
  const int64_t want = count * sample / d.rows * 3 / 2 + 64;
  if (want >= static_cast<int64_t>(all.size())) return floor;
  std::nth_element(all.begin(), all.begin() + want, all.end(), std::greater<float>());
  return std::max(floor, all[want]);
}

}  // namespace

/** pre [B, F], bias [F] or [0], [count, floor] -> the `count` largest of the entries > max(floor, 0) of the whole batch (ties: lower row, then latent). */
void BatchTopK(Op& op) {
  const Dense d = ReadDense(op);
  const In<float> scalars = op.F(2);
  const int64_t count = static_cast<int64_t>(scalars.data[0]);
  const float floor = std::max(0.0f, scalars.data[1]);
  Require(count >= 0, "the count must not be negative");
  std::vector<RowRun> runs = MakeRuns(d.rows);
  const auto total = [&] {
    int64_t sum = 0;
    for (const RowRun& run : runs) sum += run.size();
    return sum;
  };
  std::vector<float> low(d.latents);
  float guess = GuessFloor(d, count, floor);
  for (;;) {
    std::fill(low.begin(), low.end(), guess);
    ScanInto(runs, d, low.data());
    if (guess <= floor || total() >= count) break;
    guess = guess / 2 < 1e-12f ? floor : std::max(floor, guess / 2);
  }
  std::vector<float> values;
  values.reserve(total());
  for (const RowRun& run : runs) values.insert(values.end(), run.value.begin(), run.value.begin() + run.size());
  int64_t equal = 0;
  const float least = LeastOfLargest(values.data(), static_cast<int64_t>(values.size()), count, &equal);
  for (RowRun& run : runs) {
    int64_t from = 0, to = 0;
    for (int64_t& end : run.ends) {
      for (; from < end; from++) {
        if (run.value[from] < least || (run.value[from] == least && equal-- <= 0)) continue;
        run.column[to] = run.column[from];
        run.value[to++] = run.value[from];
      }
      end = to;
    }
  }
  WriteColumns(op, runs, d.latents);
}

namespace {

/** Outputs the entries with keep[e], in the same order. */
void WriteKept(Op& op, const In<int32_t>& starts, const In<int32_t>& row, const In<float>& value, const std::vector<uint8_t>& keep) {
  const int64_t latents = starts.size - 1;
  const int64_t kept = std::accumulate(keep.begin(), keep.end(), int64_t{0});
  int32_t* new_starts = op.Out<int32_t>(0, {latents + 1});
  int32_t* new_row = op.Out<int32_t>(1, {kept});
  float* new_value = op.Out<float>(2, {kept});
  int32_t next = 0;
  for (int64_t f = 0; f < latents; f++) {
    new_starts[f] = next;
    for (int32_t e = starts.data[f]; e < starts.data[f + 1]; e++) {
      if (!keep[e]) continue;
      new_row[next] = row.data[e];
      new_value[next++] = value.data[e];
    }
  }
  new_starts[latents] = next;
}

}  // namespace

/** starts, row, value, [rows, k] -> the k largest entries of each row (ties: lower latent first). */
void KeepTopK(Op& op) {
  const In<int32_t> starts = op.I(0), row = op.I(1);
  const In<float> value = op.F(2), scalars = op.F(3);
  const int64_t rows = static_cast<int64_t>(scalars.data[0]), k = static_cast<int64_t>(scalars.data[1]);
  Rows by = ByRow(starts.data, row.data, starts.size - 1, rows);
  std::vector<uint8_t> keep(value.size, 0);
  ParallelBlocks(rows, 16, [&](int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      int32_t* begin = by.entry.data() + by.starts[r];
      int32_t* end = by.entry.data() + by.starts[r + 1];
      if (end - begin > k) {
        std::nth_element(begin, begin + k, end, [&](int32_t a, int32_t b) { return value.data[a] > value.data[b] || (value.data[a] == value.data[b] && a < b); });
        end = begin + k;
      }
      for (; begin < end; begin++) keep[*begin] = 1;
    }
  });
  WriteKept(op, starts, row, value, keep);
}

/** starts, row, value, [count] -> the `count` largest entries, and the least value kept (0 where fewer than `count` are there). */
void KeepTop(Op& op) {
  const In<int32_t> starts = op.I(0), row = op.I(1);
  const In<float> value = op.F(2);
  const int64_t count = static_cast<int64_t>(op.F(3).data[0]);
  int64_t equal = 0;
  const float least = LeastOfLargest(value.data, value.size, count, &equal);
  std::vector<uint8_t> keep(value.size);
  for (int64_t e = 0; e < value.size; e++) keep[e] = value.data[e] > least || (value.data[e] == least && equal-- > 0);
  WriteKept(op, starts, row, value, keep);
  op.Out<float>(3, {})[0] = equal == INT64_MAX || std::isinf(least) ? 0.0f : least;
}

/** starts, row, value, [rows] -> the same entries compressed by row: indptr [rows + 1], indices, values. */
void ToRows(Op& op) {
  const In<int32_t> starts = op.I(0), row = op.I(1);
  const In<float> value = op.F(2);
  Require(starts.data[starts.size - 1] == row.size && value.size == row.size, "the entries do not fit their latents");
  WriteRows(op, {starts.data, row.data, value.data, starts.size - 1, static_cast<int64_t>(op.F(3).data[0])});
}

/** starts, row, value, [rows] -> the least value of each row, +Infinity where a row has no entry: [rows]. */
void LeastByRow(Op& op) {
  const In<int32_t> row = op.I(1);
  const In<float> value = op.F(2);
  const int64_t rows = static_cast<int64_t>(op.F(3).data[0]);
  Require(row.size == value.size, "the values do not fit the entries");
  float* out = op.Out<float>(0, {rows});
  std::fill(out, out + rows, INFINITY);
  for (int64_t e = 0; e < row.size; e++) {
    Require(row.data[e] >= 0 && row.data[e] < rows, "an entry names a row outside the batch");
    out[row.data[e]] = std::min(out[row.data[e]], value.data[e]);
  }
}

}  // namespace salmon
