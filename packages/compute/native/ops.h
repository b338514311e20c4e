#pragma once
#include "op.h"

namespace salmon {

void Sparsify(Op& op);
void TopK(Op& op);
void SparsifyProduct(Op& op);
void SparsifyProductRows(Op& op);
void LargestOfProduct(Op& op);
void ScreenPaths(Op& op);
/** Whether bfloat16 tiles run here (tried once: a virtual machine may show them and not run them). */
bool HasTiles();
void BatchTopK(Op& op);
void KeepTopK(Op& op);
void KeepTop(Op& op);
void ToRows(Op& op);
void LeastByRow(Op& op);

void Decode(Op& op);
void DecodeCodes(Op& op);
void Residual(Op& op);
void Dots(Op& op);
void SumByLatent(Op& op);
void ExpandByLatent(Op& op);
void AddOuterRows(Op& op);
void SetRows(Op& op);
void SquaredNormOfRows(Op& op);

void GemmPack(Op& op);
void GemmPackWords(Op& op);
void GemmBf16(Op& op);
void GemmRows(Op& op);
void GemmPaths(Op& op);

void Gated(Op& op);
void RmsNorm(Op& op);
void AttentionWeights(Op& op);

void Own(Op& op);
void Blank(Op& op);
void Zeros(Op& op);
void ZeroWords(Op& op);
void Untouch(Op& op);
void NormaliseRows(Op& op);
void AdamRows(Op& op);
void AdamRowsBf16(Op& op);
void PackBf16(Op& op);
void UnpackBf16(Op& op);

}  // namespace salmon
