#pragma once
#include "op.h"

namespace salmon {

void Sparsify(Op& op);
void TopK(Op& op);
void SparsifyProduct(Op& op);
/** Whether SparsifyProduct can run on this processor. */
bool HasTiles();
void BatchTopK(Op& op);
void KeepTopK(Op& op);
void KeepTop(Op& op);
void ToRows(Op& op);

void Decode(Op& op);
void Residual(Op& op);
void Dots(Op& op);
void SumByLatent(Op& op);
void ExpandByLatent(Op& op);
void AddOuterRows(Op& op);
void SetRows(Op& op);
void SquaredNormOfRows(Op& op);

void Own(Op& op);
void Zero(Op& op);
void NormaliseRows(Op& op);
void AdamRows(Op& op);

}  // namespace salmon
