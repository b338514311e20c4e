#include "columns.h"

#include "thread_pool.h"

namespace salmon {

void WriteColumns(Op& op, const std::vector<RowRun>& runs, int64_t latents) {
  const int64_t parts = static_cast<int64_t>(runs.size());
  std::vector<std::vector<int32_t>> at(parts);
  ParallelFor(parts, [&](int64_t p) {
    at[p].assign(latents, 0);
    const RowRun& run = runs[p];
    for (int64_t i = 0, n = run.size(); i < n; i++) at[p][run.column[i]]++;
  });
  int64_t total = 0;
  for (const RowRun& run : runs) total += run.size();
  Require(total < INT32_MAX, "more than 2^31 active entries in one batch");
  int32_t* starts = op.Out<int32_t>(0, {latents + 1});
  int32_t* row = op.Out<int32_t>(1, {total});
  float* value = op.Out<float>(2, {total});
  int32_t next = 0;
  for (int64_t f = 0; f < latents; f++) {
    starts[f] = next;
    for (int64_t p = 0; p < parts; p++) {
      const int32_t count = at[p][f];
      at[p][f] = next;
      next += count;
    }
  }
  starts[latents] = next;
  ParallelFor(parts, [&](int64_t p) {
    const RowRun& run = runs[p];
    int64_t i = 0;
    for (size_t r = 0; r < run.ends.size(); r++) {
      for (; i < run.ends[r]; i++) {
        const int32_t to = at[p][run.column[i]]++;
        row[to] = static_cast<int32_t>(run.first_row + static_cast<int64_t>(r));
        value[to] = run.value[i];
      }
    }
  });
}

Rows ByRow(const int32_t* starts, const int32_t* row, int64_t latents, int64_t rows) {
  Rows out;
  const int32_t total = starts[latents];
  out.starts.assign(rows + 1, 0);
  for (int32_t e = 0; e < total; e++) {
    Require(row[e] >= 0 && row[e] < rows, "an entry names a row outside the batch");
    out.starts[row[e] + 1]++;
  }
  for (int64_t r = 0; r < rows; r++) out.starts[r + 1] += out.starts[r];
  out.entry.resize(total);
  out.latent.resize(total);
  std::vector<int32_t> at(out.starts.begin(), out.starts.end() - 1);
  for (int64_t f = 0; f < latents; f++) {
    for (int32_t e = starts[f]; e < starts[f + 1]; e++) {
      const int32_t to = at[row[e]]++;
      out.entry[to] = e;
      out.latent[to] = static_cast<int32_t>(f);
    }
  }
  return out;
}

}  // namespace salmon
