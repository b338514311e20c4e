// Products of a sparse batch (latent-major) with dense matrices, a block of columns at a time so that the batch side stays in cache.
#include <algorithm>
#include <cstring>
#include <vector>

#include "columns.h"
#include "ops.h"
#include "products.h"
#include "simd.h"
#include "thread_pool.h"

namespace salmon {
namespace {

/** Values of the batch side that stay in the second-level cache: 1 MB. */
constexpr int64_t kCached = int64_t{1} << 18;

struct Sparse {
  In<int32_t> starts, row;
  int64_t latents;
};

Sparse ReadSparse(Op& op, int64_t batch) {
  Sparse s{op.I(0), op.I(1), 0};
  s.latents = s.starts.size - 1;
  Require(s.latents >= 0 && s.starts.data[s.latents] == s.row.size, "the entries do not fit their latents");
  const int32_t* row = s.row.data;
  for (int64_t e = 0; e < s.row.size; e++) Require(row[e] >= 0 && row[e] < batch, "an entry names a row outside the batch");
  return s;
}

/**
 * Columns [0, width) cut into blocks whose [batch x block] side takes at most about 1 MB, and into eight at least where that leaves whole
 * vectors. The cut does not depend on the number of threads, so neither does any sum.
 */
std::vector<std::pair<int64_t, int64_t>> Blocks(int64_t width, int64_t batch) {
  const int64_t cached = std::max<int64_t>(64, kCached / std::max<int64_t>(1, batch) / 64 * 64);
  const int64_t eighth = std::max<int64_t>(16, (width + 127) / 128 * 16);
  const int64_t block = std::min(cached, eighth);
  std::vector<std::pair<int64_t, int64_t>> blocks;
  for (int64_t from = 0; from < width; from += block) blocks.emplace_back(from, std::min(block, width - from));
  return blocks;
}

/** Latents in ranges with about as many entries each. As above, whatever the number of threads. */
std::vector<std::pair<int64_t, int64_t>> Ranges(const int32_t* starts, int64_t latents) {
  constexpr int64_t kRanges = 16;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  int64_t first = 0;
  for (int64_t i = 1; i <= kRanges; i++) {
    const int32_t* end = std::lower_bound(starts + first, starts + latents, static_cast<int32_t>(static_cast<int64_t>(starts[latents]) * i / kRanges));
    const int64_t last = i == kRanges ? latents : end - starts;
    if (last > first) ranges.emplace_back(first, last);
    first = std::max(first, last);
  }
  return ranges;
}

/** Part of a product whose result has a place of its own for every latent: some latents, some columns. */
struct Piece {
  int64_t first, last;  // latents first .. last - 1
  int64_t from, width;  // columns
};

/** All latents over all columns in pieces: where the [batch x width] side stays in cache whole, ranges of latents; else blocks of columns. */
std::vector<Piece> Pieces(const int32_t* starts, int64_t latents, int64_t width, int64_t batch) {
  std::vector<Piece> pieces;
  if (width * batch > kCached) {
    for (const auto& [from, block] : Blocks(width, batch)) pieces.push_back({0, latents, from, block});
  } else {
    for (const auto& [first, last] : Ranges(starts, latents)) pieces.push_back({first, last, 0, width});
  }
  return pieces;
}

/** The columns of a piece of dense [batch x width], side by side: a copy in `local` where they are not so already. */
const float* Columns(const float* dense, int64_t batch, int64_t width, const Piece& piece, std::vector<float>& local) {
  if (piece.width == width) return dense;
  local.resize(batch * piece.width);
  for (int64_t r = 0; r < batch; r++) std::memcpy(local.data() + r * piece.width, dense + r * width + piece.from, piece.width * sizeof(float));
  return local.data();
}

Slice SliceOf(const Sparse& s) { return {s.starts.data, s.row.data, s.latents, 0}; }

/** Decodes one block of columns into `out` [batch * width], starting from the bias. */
void DecodeBlock(const Slice& s, const float* coefficient, const In<float>& rows, const In<float>& bias, int64_t batch, int64_t from, int64_t width, float* out) {
  for (int64_t r = 0; r < batch; r++) {
    if (bias.size > 0) std::memcpy(out + r * width, bias.data + from, width * sizeof(float));
    else std::memset(out + r * width, 0, width * sizeof(float));
  }
  DecodeSlice({s.starts, s.row, s.latents, width}, coefficient, rows.data + from, rows.dim(1), out);
}

/** Decodes all columns into `out` [batch, d]. */
void DecodeInto(const Slice& s, const float* coefficient, const In<float>& rows, const In<float>& bias, int64_t batch, float* out) {
  const int64_t d = rows.dim(1);
  const auto blocks = Blocks(d, batch);
  ParallelFor(static_cast<int64_t>(blocks.size()), [&](int64_t i) {
    const auto [from, width] = blocks[i];
    std::vector<float> local(batch * width);
    DecodeBlock(s, coefficient, rows, bias, batch, from, width, local.data());
    for (int64_t r = 0; r < batch; r++) std::memcpy(out + r * d + from, local.data() + r * width, width * sizeof(float));
  });
}

void CheckRows(const Sparse& s, const In<float>& rows, const In<float>& bias) {
  Require(rows.shape.size() == 2 && rows.dim(0) == s.latents, "the decoder must have one row per latent");
  Require(bias.size == 0 || bias.size == rows.dim(1), "the bias must be as wide as the decoder");
}

}  // namespace

/** starts, row, coefficient [nnz], rows [F, d], bias [d] or [0], [batch] -> bias + sum of coefficient * rows, [batch, d]. */
void Decode(Op& op) {
  const int64_t batch = static_cast<int64_t>(op.F(5).data[0]);
  const Sparse s = ReadSparse(op, batch);
  const In<float> coefficient = op.F(2), rows = op.F(3), bias = op.F(4);
  CheckRows(s, rows, bias);
  DecodeInto(SliceOf(s), coefficient.data, rows, bias, batch, op.Out<float>(0, {batch, rows.dim(1)}));
}

/**
 * indptr [batch + 1], indices, values, divisor [F] or [0], rows [F, d], bias [d] or [0] -> the same from entries by row; each value is divided by its
 * latent's divisor. A decoder that fits into the caches is read row by row, a larger one as Decode does.
 */
void DecodeCodes(Op& op) {
  const In<int32_t> indptr = op.I(0), indices = op.I(1);
  const In<float> values = op.F(2), divisor = op.F(3), rows = op.F(4), bias = op.F(5);
  const int64_t batch = indptr.size - 1, latents = rows.dim(0), d = rows.dim(1);
  const Codes codes = ReadCodes({indptr, indices, values, divisor}, latents);
  Require(bias.size == 0 || bias.size == d, "the bias must be as wide as the decoder");
  float* out = op.Out<float>(0, {batch, d});
  if (latents * d <= int64_t{1} << 20) {
    ParallelBlocks(batch, 16, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        if (bias.size > 0) std::memcpy(out + r * d, bias.data, d * sizeof(float));
        else std::memset(out + r * d, 0, d * sizeof(float));
        const int32_t begin = indptr.data[r];
        DecodeRow(indices.data + begin, codes.coefficient + begin, indptr.data[r + 1] - begin, rows.data, d, out + r * d);
      }
    });
    return;
  }
  const Regrouped by = ByLatent(codes);
  DecodeInto({by.starts.data(), by.row.data(), latents, 0}, by.value.data(), rows, bias, batch, out);
}

/** As Decode, with target [batch, d] in place of the batch size -> decoded - target, and the sum of its squares. */
void Residual(Op& op) {
  const In<float> target = op.F(5);
  const int64_t batch = target.dim(0);
  const Sparse s = ReadSparse(op, batch);
  const In<float> coefficient = op.F(2), rows = op.F(3), bias = op.F(4);
  CheckRows(s, rows, bias);
  const int64_t d = rows.dim(1);
  Require(target.dim(1) == d, "the target must be as wide as the decoder");
  float* out = op.Out<float>(0, {batch, d});
  const auto blocks = Blocks(d, batch);
  std::vector<double> squares(blocks.size(), 0.0);
  ParallelFor(static_cast<int64_t>(blocks.size()), [&](int64_t i) {
    const auto [from, width] = blocks[i];
    std::vector<float> local(batch * width);
    DecodeBlock(SliceOf(s), coefficient.data, rows, bias, batch, from, width, local.data());
    double sum = 0;
    for (int64_t r = 0; r < batch; r++) {
      float* to = out + r * d + from;
      const float* want = target.data + r * d + from;
      const float* have = local.data() + r * width;
      for (int64_t j = 0; j < width; j++) to[j] = have[j] - want[j];
      sum += SquaredNorm(to, width);
    }
    squares[i] = sum;
  });
  double total = 0;
  for (double sum : squares) total += sum;
  op.Out<float>(1, {})[0] = static_cast<float>(total);
}

void BlockedDots(const EntryDots& e, float* out) {
  const bool whole = e.width * e.batch <= kCached;
  const auto blocks = whole ? std::vector<std::pair<int64_t, int64_t>>{{0, e.width}} : Blocks(e.width, e.batch);
  // The batch cut into blocks of columns that stay in cache, once for all threads; the memory is kept, because fresh pages cost as much as the copy.
  static thread_local std::vector<float> cut;
  if (!whole) {
    cut.resize(e.width * e.batch);
    ParallelFor(static_cast<int64_t>(blocks.size()), [&e, &blocks, to = cut.data()](int64_t i) {
      const auto [from, width] = blocks[i];
      for (int64_t r = 0; r < e.batch; r++) std::memcpy(to + from * e.batch + r * width, e.dense + r * e.width + from, width * sizeof(float));
    });
  }
  const float* dense = whole ? e.dense : cut.data();
  // Ranges of latents with about as many entries each; every entry is summed over the blocks in their order, whatever thread does it.
  const auto ranges = Ranges(e.starts, e.latents);
  ParallelFor(static_cast<int64_t>(ranges.size()), [&](int64_t i) {
    const auto [first, last] = ranges[i];
    for (const auto& [from, width] : blocks) DotsSlice({e.starts + first, e.row, last - first, width}, dense + from * e.batch, e.rows + first * e.width + from, e.width, from > 0, out);
  });
}

/** starts, row, dense [B, d], rows [F, d] -> for every entry the dot product of its dense row with its latent's row, [nnz]. */
void Dots(Op& op) {
  const In<float> dense = op.F(2), rows = op.F(3);
  const Sparse s = ReadSparse(op, dense.dim(0));
  Require(rows.dim(0) == s.latents && dense.dim(1) == rows.dim(1), "the matrices do not fit each other");
  float* out = op.Out<float>(0, {s.row.size});
  BlockedDots({s.starts.data, s.row.data, s.latents, dense.data, dense.dim(0), rows.data, rows.dim(1)}, out);
}

/** starts, values [nnz] -> their sum per latent, [F]. */
void SumByLatent(Op& op) {
  const In<int32_t> starts = op.I(0);
  const In<float> values = op.F(1);
  const int64_t latents = starts.size - 1;
  Require(starts.data[latents] == values.size, "the values do not fit the latents");
  float* out = op.Out<float>(0, {latents});
  for (int64_t f = 0; f < latents; f++) {
    double sum = 0;
    for (int32_t e = starts.data[f]; e < starts.data[f + 1]; e++) sum += values.data[e];
    out[f] = static_cast<float>(sum);
  }
}

/** starts, values [F] -> the value of each entry's latent, [nnz]. */
void ExpandByLatent(Op& op) {
  const In<int32_t> starts = op.I(0);
  const In<float> values = op.F(1);
  const int64_t latents = starts.size - 1;
  Require(values.size == latents, "one value per latent is needed");
  float* out = op.Out<float>(0, {starts.data[latents]});
  for (int64_t f = 0; f < latents; f++) std::fill(out + starts.data[f], out + starts.data[f + 1], values.data[f]);
}

/**
 * In place. into [F, d], touched [F], starts, row, coefficient [nnz], dense [B, d], minus [F, d] or [0, 0], scale [F] or [0]:
 * into_f = (touched_f ? into_f : 0) + sum coefficient * dense - scale_f * minus_f for every latent with entries that is not frozen (touched_f < 0);
 * it becomes touched.
 * Output: the sum of squares of the rows written.
 */
void AddOuterRows(Op& op) {
  const In<float> into = op.F(0);
  const In<int32_t> touched = op.I(1), starts = op.I(2), row = op.I(3);
  const In<float> coefficient = op.F(4), dense = op.F(5), minus = op.F(6), scale = op.F(7);
  const int64_t latents = starts.size - 1, batch = dense.dim(0), d = dense.dim(1);
  Require(into.dim(0) == latents && into.dim(1) == d && touched.size == latents, "the gradient does not fit the entries");
  Require(starts.data[latents] == row.size && coefficient.size == row.size, "the entries do not fit their latents");
  Require(minus.size == 0 || (minus.size == into.size && scale.size == latents), "what is to be subtracted does not fit");
  for (int64_t e = 0; e < row.size; e++) Require(row.data[e] >= 0 && row.data[e] < batch, "an entry names a row outside the batch");
  std::vector<uint8_t> mode(latents);
  for (int64_t f = 0; f < latents; f++) {
    mode[f] = touched.data[f] < 0 ? AddRows::kSkip : touched.data[f] > 0 ? AddRows::kAdd : AddRows::kOverwrite;
    if (starts.data[f + 1] > starts.data[f] && touched.data[f] == 0) touched.data[f] = 1;
  }
  const auto pieces = Pieces(starts.data, latents, d, batch);
  std::vector<double> squares(pieces.size(), 0.0);
  ParallelFor(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece& p = pieces[i];
    std::vector<float> local;
    const int64_t at = p.first * d + p.from;
    const bool subtract = minus.size > 0;
    AddRows a{coefficient.data, Columns(dense.data, batch, d, p, local), subtract ? minus.data + at : nullptr, subtract ? scale.data + p.first : nullptr, mode.data() + p.first, into.data + at, d};
    squares[i] = AddRowsSlice({starts.data + p.first, row.data, p.last - p.first, p.width}, a);
  });
  double total = 0;
  for (double sum : squares) total += sum;
  op.Out<float>(0, {})[0] = static_cast<float>(total);
}

/** In place. into [F, d], touched [F], rows [n, d], [from]: rows from .. from + n become those given, and touched, but for frozen ones. Output: their sum of squares. */
void SetRows(Op& op) {
  const In<float> into = op.F(0);
  const In<int32_t> touched = op.I(1);
  const In<float> rows = op.F(2);
  const int64_t from = static_cast<int64_t>(op.F(3).data[0]), n = rows.dim(0), d = into.dim(1);
  Require(rows.dim(1) == d && from >= 0 && from + n <= into.dim(0), "the rows do not fit the gradient");
  std::vector<double> squares(n, 0.0);
  ParallelBlocks(n, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      if (touched.data[from + i] < 0) continue;
      std::memcpy(into.data + (from + i) * d, rows.data + i * d, d * sizeof(float));
      touched.data[from + i] = 1;
      squares[i] = SquaredNorm(rows.data + i * d, d);
    }
  });
  double total = 0;
  for (double sum : squares) total += sum;
  op.Out<float>(0, {})[0] = static_cast<float>(total);
}

/** rows [F, d], touched [F] -> the sum of squares over the touched rows. */
void SquaredNormOfRows(Op& op) {
  const In<float> rows = op.F(0);
  const In<int32_t> touched = op.I(1);
  const int64_t latents = rows.dim(0), d = rows.dim(1);
  Require(touched.size == latents, "one mark per row is needed");
  std::vector<double> squares(latents, 0.0);
  ParallelBlocks(latents, 64, [&](int64_t from, int64_t to) {
    for (int64_t f = from; f < to; f++) squares[f] = touched.data[f] > 0 ? SquaredNorm(rows.data + f * d, d) : 0;
  });
  double total = 0;
  for (double sum : squares) total += sum;
  op.Out<float>(0, {})[0] = static_cast<float>(total);
}

}  // namespace salmon
