#include "columns.h"

#include <algorithm>

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

void WriteRows(Op& op, const LatentMajor& from) {
  const int32_t total = from.starts[from.latents];
  int32_t* indptr = op.Out<int32_t>(0, {from.rows + 1});
  int32_t* indices = op.Out<int32_t>(1, {total});
  float* values = op.Out<float>(2, {total});
  std::fill_n(indptr, from.rows + 1, 0);
  for (int32_t e = 0; e < total; e++) {
    Require(from.row[e] >= 0 && from.row[e] < from.rows, "an entry names a row outside the batch");
    indptr[from.row[e] + 1]++;
  }
  for (int64_t r = 0; r < from.rows; r++) indptr[r + 1] += indptr[r];
  std::vector<int32_t> at(indptr, indptr + from.rows);
  for (int64_t f = 0; f < from.latents; f++) {
    for (int32_t e = from.starts[f]; e < from.starts[f + 1]; e++) {
      const int32_t to = at[from.row[e]]++;
      indices[to] = static_cast<int32_t>(f);
      values[to] = from.value[e];
    }
  }
}

Codes ReadCodes(const RowMajor& from, int64_t latents) {
  const int64_t rows = from.indptr.size - 1, total = from.indices.size;
  Require(rows >= 0 && from.indptr.data[0] == 0 && from.indptr.data[rows] == total && from.values.size == total, "the codes do not fit their rows");
  Require(from.divisor.size == 0 || from.divisor.size == latents, "one divisor per latent is needed");
  for (int64_t r = 0; r < rows; r++) Require(from.indptr.data[r] <= from.indptr.data[r + 1], "the rows of the codes must follow each other");
  for (int64_t e = 0; e < total; e++) Require(from.indices.data[e] >= 0 && from.indices.data[e] < latents, "a code names a latent that does not exist");
  Codes codes{from.indptr.data, from.indices.data, from.values.data, {}, rows, latents};
  if (from.divisor.size > 0) {
    codes.divided.resize(total);
    for (int64_t e = 0; e < total; e++) codes.divided[e] = from.values.data[e] / from.divisor.data[from.indices.data[e]];
    codes.coefficient = codes.divided.data();
  }
  return codes;
}

Regrouped ByLatent(const Codes& codes) {
  const int32_t total = codes.indptr[codes.rows];
  Regrouped out{std::vector<int32_t>(codes.latents + 1, 0), std::vector<int32_t>(total), std::vector<float>(total)};
  for (int32_t e = 0; e < total; e++) out.starts[codes.indices[e] + 1]++;
  for (int64_t f = 0; f < codes.latents; f++) out.starts[f + 1] += out.starts[f];
  std::vector<int32_t> at(out.starts.begin(), out.starts.end() - 1);
  for (int64_t r = 0; r < codes.rows; r++) {
    for (int32_t e = codes.indptr[r]; e < codes.indptr[r + 1]; e++) {
      const int32_t to = at[codes.indices[e]]++;
      out.row[to] = static_cast<int32_t>(r);
      out.value[to] = codes.coefficient[e];
    }
  }
  return out;
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
