// Registers the ops with TensorFlow when the Node module is loaded; a process may load it more than once.
#include <node_api.h>

#include <cstring>
#include <mutex>
#include <string>

#include "ops.h"
#include "screen.h"
#include "tensorflow/c/c_api.h"
#include "thread_pool.h"

namespace salmon {
namespace {

const OpSpec kOps[] = {
    {"SalmonSparsify", {"pre: float", "bias: float", "low: float"}, {"starts: int32", "row: int32", "value: float"}, Compute<Sparsify>},
    {"SalmonSparsifyProduct", {"x: float", "rows: float", "bias: float", "low: float", "path: float"}, {"starts: int32", "row: int32", "value: float", "done: float"}, Compute<SparsifyProduct>},
    {"SalmonSparsifyProductRows", {"x: float", "rows: float", "bias: float", "low: float", "path: float"}, {"indptr: int32", "indices: int32", "values: float", "done: float"}, Compute<SparsifyProductRows>},
    {"SalmonLargestOfProduct", {"x: float", "rows: float", "bias: float", "scalars: float"}, {"starts: int32", "row: int32", "value: float", "done: float"}, Compute<LargestOfProduct>},
    {"SalmonScreenPaths", {"any: float"}, {"paths: float"}, Compute<ScreenPaths>},
    {"SalmonTopK", {"pre: float", "bias: float", "k: float"}, {"starts: int32", "row: int32", "value: float"}, Compute<TopK>},
    {"SalmonBatchTopK", {"pre: float", "bias: float", "scalars: float"}, {"starts: int32", "row: int32", "value: float"}, Compute<BatchTopK>},
    {"SalmonKeepTopK", {"starts: int32", "row: int32", "value: float", "scalars: float"}, {"new_starts: int32", "new_row: int32", "new_value: float"}, Compute<KeepTopK>},
    {"SalmonKeepTop", {"starts: int32", "row: int32", "value: float", "scalars: float"}, {"new_starts: int32", "new_row: int32", "new_value: float", "least: float"}, Compute<KeepTop>},
    {"SalmonToRows", {"starts: int32", "row: int32", "value: float", "scalars: float"}, {"indptr: int32", "indices: int32", "values: float"}, Compute<ToRows>},
    {"SalmonLeastByRow", {"starts: int32", "row: int32", "value: float", "scalars: float"}, {"least: float"}, Compute<LeastByRow>},
    {"SalmonDecode", {"starts: int32", "row: int32", "coefficient: float", "rows: float", "bias: float", "scalars: float"}, {"out: float"}, Compute<Decode>},
    {"SalmonDecodeCodes", {"indptr: int32", "indices: int32", "values: float", "divisor: float", "rows: float", "bias: float"}, {"out: float"}, Compute<DecodeCodes>},
    {"SalmonResidual", {"starts: int32", "row: int32", "coefficient: float", "rows: float", "bias: float", "target: float"}, {"residual: float", "squares: float"}, Compute<Residual>},
    {"SalmonDots", {"starts: int32", "row: int32", "dense: float", "rows: float"}, {"out: float"}, Compute<Dots>},
    {"SalmonSumByLatent", {"starts: int32", "values: float"}, {"out: float"}, Compute<SumByLatent>},
    {"SalmonExpandByLatent", {"starts: int32", "values: float"}, {"out: float"}, Compute<ExpandByLatent>},
    {"SalmonAddOuterRows",
     {"into: float", "touched: int32", "starts: int32", "row: int32", "coefficient: float", "dense: float", "minus: float", "scale: float"},
     {"squares: float"},
     Compute<AddOuterRows>},
    {"SalmonSetRows", {"into: float", "touched: int32", "rows: float", "scalars: float"}, {"squares: float"}, Compute<SetRows>},
    {"SalmonSquaredNormOfRows", {"rows: float", "touched: int32"}, {"out: float"}, Compute<SquaredNormOfRows>},
    {"SalmonGemmPack", {"rows: float"}, {"packed: int32"}, Compute<GemmPack>},
    {"SalmonGemmPackWords", {"words: int32"}, {"packed: int32"}, Compute<GemmPackWords>},
    {"SalmonGemmBf16", {"x: float", "packed: int32", "bias: float", "scalars: float"}, {"out: float"}, Compute<GemmBf16>},
    {"SalmonGemmRows", {"packed: int32", "indices: int32", "scalars: float"}, {"out: float"}, Compute<GemmRows>},
    {"SalmonGemmPaths", {"any: float"}, {"paths: float"}, Compute<GemmPaths>},
    {"SalmonGated", {"x: float", "times: float", "kind: float"}, {"out: float"}, Compute<Gated>},
    {"SalmonRmsNorm", {"x: float", "gain: float", "eps: float"}, {"out: float"}, Compute<RmsNorm>},
    {"SalmonAttentionWeights", {"scores: float", "mask: float", "cap: float"}, {"out: float"}, Compute<AttentionWeights>},
    {"SalmonOwn", {"from: float"}, {"to: float"}, Compute<Own>},
    {"SalmonBlank", {"shape: int32"}, {"out: float"}, Compute<Blank>},
    {"SalmonZeros", {"shape: int32"}, {"out: float"}, Compute<Zeros>},
    {"SalmonZeroWords", {"shape: int32"}, {"out: int32"}, Compute<ZeroWords>},
    {"SalmonUntouch", {"marks: int32"}, {"count: float"}, Compute<Untouch>},
    {"SalmonNormaliseRows", {"rows: float"}, {"count: float"}, Compute<NormaliseRows>},
    {"SalmonAdamRows",
     {"param: float", "grad: float", "touched: int32", "m: float", "v: float", "scalars: float"},
     {"count: float"},
     Compute<AdamRows>},
    {"SalmonAdamRowsBf16",
     {"param: float", "grad: float", "touched: int32", "m: int32", "v: int32", "scalars: float", "seed: int32"},
     {"count: float"},
     Compute<AdamRowsBf16>},
    {"SalmonPackBf16", {"from: float"}, {"words: int32"}, Compute<PackBf16>},
    {"SalmonUnpackBf16", {"words: int32", "width: int32"}, {"to: float"}, Compute<UnpackBf16>},
};

bool IsRegistered(const char* name, TF_Status* status) {
  TF_Buffer* kernels = TF_GetRegisteredKernelsForOp(name, status);
  const bool found = TF_GetCode(status) == TF_OK && kernels != nullptr && kernels->length > 0;
  if (kernels != nullptr) TF_DeleteBuffer(kernels);
  return found;
}

std::string RegisterOne(const OpSpec& spec, TF_Status* status) {
  if (IsRegistered(spec.name, status)) return "";  // by another copy of this library in the process
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(spec.name);
  for (const char* input : spec.inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : spec.outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
  // Some ops update memory that their inputs own: they must never be merged or left out.
  TF_OpDefinitionBuilderSetIsStateful(builder, true);
  TF_RegisterOpDefinition(builder, status);
  if (TF_GetCode(status) != TF_OK) return TF_Message(status);
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(spec.name, "CPU", nullptr, spec.compute, nullptr);
  TF_RegisterKernelBuilder(spec.name, kernel, status);
  return TF_GetCode(status) == TF_OK ? "" : TF_Message(status);
}

std::string RegisterAll() {
  TF_Status* status = TF_NewStatus();
  std::string problem;
  for (const OpSpec& spec : kOps) {
    problem = RegisterOne(spec, status);
    if (!problem.empty()) break;
  }
  TF_DeleteStatus(status);
  return problem;
}

/** register(threads) -> undefined, or why the ops cannot be used. */
napi_value Register(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t threads = 1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok && count == 1) napi_get_value_int32(env, argument, &threads);
  SetThreads(threads);
  static std::mutex mutex;
  static bool done = false;
  static std::string problem;
  std::lock_guard<std::mutex> lock(mutex);
  if (!done) {
    problem = RegisterAll();
    done = true;
  }
  if (problem.empty()) return nullptr;
  napi_value text;
  return napi_create_string_utf8(env, problem.c_str(), problem.size(), &text) == napi_ok ? text : nullptr;
}

/** canScreen() -> whether some way to screen beats the float32 product here. */
napi_value CanScreen(napi_env env, napi_callback_info) {
  napi_value answer;
  return napi_get_boolean(env, BestScreen() != nullptr, &answer) == napi_ok ? answer : nullptr;
}

}  // namespace
}  // namespace salmon

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "register", NAPI_AUTO_LENGTH, salmon::Register, nullptr, &function) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "register", function) != napi_ok) return nullptr;
  if (napi_create_function(env, "canScreen", NAPI_AUTO_LENGTH, salmon::CanScreen, nullptr, &function) != napi_ok) return nullptr;
  return napi_set_named_property(env, exports, "canScreen", function) == napi_ok ? exports : nullptr;
}
