// Updates in place. Only for tensors made by Own: no JavaScript array and no other tensor shares their memory.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops.h"
#include "simd.h"
#include "thread_pool.h"

namespace salmon {

/** A copy in memory of its own. */
void Own(Op& op) {
  const In<float> from = op.F(0);
  float* to = op.Out<float>(0, from.shape);
  ParallelBlocks(from.size, 1 << 16, [&](int64_t begin, int64_t end) { std::memcpy(to + begin, from.data + begin, (end - begin) * sizeof(float)); });
}

namespace {

std::vector<int64_t> ShapeOf(Op& op) {
  const In<int32_t> shape = op.I(0);
  return {shape.data, shape.data + shape.size};
}

int64_t SizeOf(const std::vector<int64_t>& shape) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  return size;
}

}  // namespace

/** shape -> float32 memory that nobody has written to: pages that are never used never become resident. */
void Blank(Op& op) { op.Out<float>(0, ShapeOf(op)); }

/** shape -> float32 zeros. */
void Zeros(Op& op) {
  const std::vector<int64_t> shape = ShapeOf(op);
  std::memset(op.Out<float>(0, shape), 0, SizeOf(shape) * sizeof(float));
}

/** shape -> int32 zeros. */
void ZeroWords(Op& op) {
  const std::vector<int64_t> shape = ShapeOf(op);
  std::memset(op.Out<int32_t>(0, shape), 0, SizeOf(shape) * sizeof(int32_t));
}

/** In place: untouches every row that is not frozen (marks: 1 touched, 0 not, -1 frozen). Output: the number of rows. */
void Untouch(Op& op) {
  const In<int32_t> marks = op.I(0);
  for (int64_t f = 0; f < marks.size; f++) marks.data[f] = std::min(marks.data[f], 0);
  op.Out<float>(0, {})[0] = static_cast<float>(marks.size);
}

namespace {

void NormaliseRow(float* row, int64_t d) {
  const double norm = std::sqrt(SquaredNorm(row, d));
  if (norm > 0) Scale(row, d, static_cast<float>(1.0 / norm));
}

}  // namespace

/** In place: gives every row of [F, d] unit length (rows of zeros stay). Output: the number of rows. */
void NormaliseRows(Op& op) {
  const In<float> rows = op.F(0);
  const int64_t n = rows.dim(0), d = rows.dim(1);
  ParallelBlocks(n, 64, [&](int64_t from, int64_t to) {
    for (int64_t f = from; f < to; f++) NormaliseRow(rows.data + f * d, d);
  });
  op.Out<float>(0, {})[0] = static_cast<float>(n);
}

namespace {

struct AdamInputs {
  In<float> param, grad;
  In<int32_t> touched;
  AdamScalars scalars;
  bool normalise;
  int64_t rows, d;
};

AdamInputs ReadAdam(Op& op) {
  const In<float> s = op.F(5);
  AdamInputs a{op.F(0), op.F(1), op.I(2), {s.data[0], s.data[1], s.data[2], s.data[3], s.data[4], s.data[5], s.data[6], s.data[7]}, s.data[8] != 0, 0, 0};
  a.rows = a.param.dim(0);
  a.d = a.param.dim(1);
  Require(a.grad.size == a.param.size, "parameters and gradient differ in size");
  Require(a.touched.size == a.rows, "one mark per row is needed");
  return a;
}

/** Runs update(row, its gradient or null) on every row that is not frozen, then gives unit length to those that moved. */
template <typename Update>
void ForRows(Op& op, const AdamInputs& a, bool momentum, const Update& update) {
  ParallelBlocks(a.rows, 16, [&](int64_t from, int64_t to) {
    for (int64_t f = from; f < to; f++) {
      if (a.touched.data[f] < 0) continue;
      const bool has = a.touched.data[f] > 0;
      update(f, has ? a.grad.data + f * a.d : nullptr);
      if (a.normalise && (has || momentum)) NormaliseRow(a.param.data + f * a.d, a.d);
    }
  });
  op.Out<float>(0, {})[0] = static_cast<float>(a.rows);
}

}  // namespace

/**
 * In place: one Adam update of param [F, d] from grad [F, d], of which only touched rows count (the others are zero); frozen rows stay.
 * m [F, d], or [0, 0] where beta1 = 0 and the first moment is the gradient itself; v [F, d].
 * scalars: [clip, stepSize, 1/rootCorrection, beta1, beta2, eps, 1 - beta1, 1 - beta2, normalise rows].
 * Without a first moment a row without gradient keeps its parameters; its v decays like every other.
 */
void AdamRows(Op& op) {
  const AdamInputs a = ReadAdam(op);
  const In<float> m = op.F(3), v = op.F(4);
  Require(v.size == a.param.size && (m.size == 0 || m.size == a.param.size), "parameters and moments differ in size");
  ForRows(op, a, m.size > 0, [&](int64_t f, const float* grad) {
    AdamRow(a.scalars, a.d, a.param.data + f * a.d, grad, m.size == 0 ? nullptr : m.data + f * a.d, v.data + f * a.d);
  });
}

/** As AdamRows, with both moments in bfloat16, two to an int32 word: m [F, ceil(d / 2)] or [0, 0], v [F, ceil(d / 2)]. Input 6: the seed of this update's rounding. */
void AdamRowsBf16(Op& op) {
  const AdamInputs a = ReadAdam(op);
  const In<int32_t> m = op.I(3), v = op.I(4);
  const uint32_t seed = static_cast<uint32_t>(op.I(6).data[0]);
  const int64_t words = (a.d + 1) / 2;
  Require(v.size == a.rows * words && (m.size == 0 || m.size == v.size), "parameters and moments differ in size");
  ForRows(op, a, m.size > 0, [&](int64_t f, const float* grad) {
    uint16_t* first = m.size == 0 ? nullptr : reinterpret_cast<uint16_t*>(m.data + f * words);
    AdamRowBf16(a.scalars, a.d, {a.param.data + f * a.d, grad, first, reinterpret_cast<uint16_t*>(v.data + f * words), seed, static_cast<uint32_t>(f * a.d)});
  });
}

/** float32 [F, d] -> bfloat16 to nearest, two to a word: [F, ceil(d / 2)]. */
void PackBf16(Op& op) {
  const In<float> from = op.F(0);
  const int64_t rows = from.dim(0), d = from.dim(1), words = (d + 1) / 2;
  int32_t* out = op.Out<int32_t>(0, {rows, words});
  ParallelBlocks(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t f = begin; f < end; f++) {
      uint16_t* to = reinterpret_cast<uint16_t*>(out + f * words);
      for (int64_t i = 0; i < d; i++) to[i] = ToBf16(from.data[f * d + i]);
      if (d % 2 == 1) to[d] = 0;
    }
  });
}

/** Packed bfloat16 [F, ceil(d / 2)], [d] -> float32 [F, d]. */
void UnpackBf16(Op& op) {
  const In<int32_t> from = op.I(0);
  const int64_t rows = from.dim(0), words = from.dim(1), d = op.I(1).data[0];
  Require(words == (d + 1) / 2, "the packed rows have another width");
  float* out = op.Out<float>(0, {rows, d});
  ParallelBlocks(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t f = begin; f < end; f++) {
      const uint16_t* row = reinterpret_cast<const uint16_t*>(from.data + f * words);
      for (int64_t i = 0; i < d; i++) out[f * d + i] = FromBf16(row[i]);
    }
  });
}

}  // namespace salmon
