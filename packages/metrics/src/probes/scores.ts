/** Area under the ROC curve by ranks (Mann-Whitney), ties counted half; NaN without both classes. */
export function auroc(scores: ArrayLike<number>, positive: ArrayLike<number>): number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let positives = 0;
  let rankSum = 0;
  for (let k = 0; k < order.length; ) {
    let end = k;
    while (end < order.length && scores[order[end] as number] === scores[order[k] as number]) end++;
    const rank = (k + 1 + end) / 2;
    for (; k < end; k++) {
      if (positive[order[k] as number] !== 1) continue;
      positives++;
      rankSum += rank;
    }
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (order.length - positives));
}

/** F1 from counts; 0 where nothing was found. */
export function f1(truePositive: number, falsePositive: number, falseNegative: number): number {
  const denominator = 2 * truePositive + falsePositive + falseNegative;
  return denominator === 0 ? 0 : (2 * truePositive) / denominator;
}

/** F1 of logits > 0 against labels. */
export function f1OfLogits(logits: ArrayLike<number>, positive: ArrayLike<number>): number {
  let tp = 0;
  let fp = 0;
  let fn = 0;
  for (let t = 0; t < logits.length; t++) {
    const said = (logits[t] as number) > 0;
    if (said && positive[t] === 1) tp++;
    else if (said) fp++;
    else if (positive[t] === 1) fn++;
  }
  return f1(tp, fp, fn);
}

/** Spearman's rank correlation with average ranks; 0 where one side is constant. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const x = ranks(a);
  const y = ranks(b);
  const n = x.length;
  const middle = (n + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < n; i++) {
    const u = (x[i] as number) - middle;
    const v = (y[i] as number) - middle;
    xy += u * v;
    xx += u * u;
    yy += v * v;
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((p, q) => (values[p] as number) - (values[q] as number));
  const out = new Float64Array(values.length);
  for (let k = 0; k < order.length; ) {
    let end = k;
    while (end < order.length && values[order[end] as number] === values[order[k] as number]) end++;
    const rank = (k + 1 + end) / 2;
    for (; k < end; k++) out[order[k] as number] = rank;
  }
  return out;
}
