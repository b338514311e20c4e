// Updates in place. Only for tensors made by Own: no JavaScript array and no other tensor shares their memory.
#include <cmath>
#include <cstring>

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

/** In place: sets an int32 tensor to 0. Output: its size. */
void Zero(Op& op) {
  const In<int32_t> marks = op.I(0);
  std::memset(marks.data, 0, marks.size * sizeof(int32_t));
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

/**
 * In place: one Adam update of param [F, d] from grad [F, d], of which only touched rows count (the others are zero).
 * m [F, d], or [0, 0] where beta1 = 0 and the first moment is the gradient itself; v [F, d].
 * scalars: [clip, stepSize, 1/rootCorrection, beta1, beta2, eps, 1 - beta1, 1 - beta2, normalise rows].
 * Without a first moment a row without gradient keeps its parameters; its v decays like every other.
 */
void AdamRows(Op& op) {
  const In<float> param = op.F(0), grad = op.F(1);
  const In<int32_t> touched = op.I(2);
  const In<float> m = op.F(3), v = op.F(4), scalars = op.F(5);
  const int64_t rows = param.dim(0), d = param.dim(1);
  Require(grad.size == param.size && v.size == param.size && (m.size == 0 || m.size == param.size), "parameters, gradient and moments differ in size");
  Require(touched.size == rows, "one mark per row is needed");
  const float* s = scalars.data;
  const AdamScalars a{s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
  const bool normalise = s[8] != 0;
  ParallelBlocks(rows, 16, [&](int64_t from, int64_t to) {
    for (int64_t f = from; f < to; f++) {
      const bool has = touched.data[f] != 0;
      AdamRow(a, d, param.data + f * d, has ? grad.data + f * d : nullptr, m.size == 0 ? nullptr : m.data + f * d, v.data + f * d);
      if (normalise && (has || m.size > 0)) NormaliseRow(param.data + f * d, d);
    }
  });
  op.Out<float>(0, {})[0] = static_cast<float>(rows);
}

}  // namespace salmon
