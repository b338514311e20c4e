// Entries found row by row, regrouped by latent (column), rows ascending within a latent: the form all other ops read.
#pragma once
#include <cstdint>
#include <vector>

#include "op.h"

namespace salmon {

/** What one run of consecutive rows contributes, in row order. */
struct RowRun {
  int64_t first_row = 0;
  std::vector<int64_t> ends;  // per row: end of its entries
  std::vector<int32_t> column;
  std::vector<float> value;

  int64_t size() const { return ends.empty() ? 0 : ends.back(); }
  /** Makes room for one row of up to n more entries (and the slack that ScanAbove writes into). */
  void Reserve(int64_t n) {
    const size_t need = static_cast<size_t>(size() + n + 16);
    if (column.size() < need) {
      column.resize(need + need / 2);
      value.resize(need + need / 2);
    }
  }
};

/** Writes the op's outputs starts [latents + 1], row [nnz], value [nnz] from runs that cover all rows in order. */
void WriteColumns(Op& op, const std::vector<RowRun>& runs, int64_t latents);

/** A latent-major matrix: per latent, its entries with rows ascending. */
struct LatentMajor {
  const int32_t* starts;  // [latents + 1]
  const int32_t* row;
  const float* value;
  int64_t latents, rows;
};

/** Writes the op's outputs indptr [rows + 1], indices [nnz], values [nnz]: the same by row, latents ascending. */
void WriteRows(Op& op, const LatentMajor& from);

/** A row-major matrix as an op's inputs give it. */
struct RowMajor {
  In<int32_t> indptr, indices;  // [rows + 1], [nnz]
  In<float> values;             // [nnz]
  In<float> divisor;            // [latents] or [0]
};

/** A row-major matrix, checked. */
struct Codes {
  const int32_t* indptr;
  const int32_t* indices;
  const float* coefficient;    // values over the divisors of their latents
  std::vector<float> divided;  // where there are divisors
  int64_t rows, latents;
};
Codes ReadCodes(const RowMajor& from, int64_t latents);

/** The same by latent. */
struct Regrouped {
  std::vector<int32_t> starts, row;
  std::vector<float> value;
};
Regrouped ByLatent(const Codes& codes);

/** The transpose of a latent-major matrix: per row, its entries with latents ascending. */
struct Rows {
  std::vector<int32_t> starts;  // [rows + 1]
  std::vector<int32_t> entry;   // index into the latent-major arrays
  std::vector<int32_t> latent;
};
Rows ByRow(const int32_t* starts, const int32_t* row, int64_t latents, int64_t rows);

}  // namespace salmon
