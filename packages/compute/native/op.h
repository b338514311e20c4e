// A thin layer over TensorFlow's C API for kernels: typed inputs, outputs of any size, errors as messages.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace salmon {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void Require(bool condition, const char* message) {
  if (!condition) throw Error(message);
}

/** One input; `data` may be written to only by the ops whose contract is to update memory they own. */
template <typename T>
struct In {
  T* data;
  int64_t size;
  std::vector<int64_t> shape;
  int64_t dim(int i) const { return shape.at(i); }
};

class Op {
 public:
  explicit Op(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Op() {
    for (TF_Tensor* tensor : held_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  template <typename T>
  In<T> In_(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    Check();
    held_.push_back(tensor);
    Require(TF_TensorType(tensor) == TypeOf<T>(), "an input has the wrong type");
    In<T> in{static_cast<T*>(TF_TensorData(tensor)), TF_TensorElementCount(tensor), {}};
    for (int i = 0; i < TF_NumDims(tensor); i++) in.shape.push_back(TF_Dim(tensor, i));
    return in;
  }
  In<float> F(int index) { return In_<float>(index); }
  In<int32_t> I(int index) { return In_<int32_t>(index); }

  template <typename T>
  T* Out(int index, const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (int64_t n : shape) count *= n;
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TypeOf<T>(), shape.data(), static_cast<int>(shape.size()), count * sizeof(T), status_);
    Check();
    held_.push_back(tensor);
    return static_cast<T*>(TF_TensorData(tensor));
  }

  void Fail(const char* message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
    TF_OpKernelContext_Failure(context_, status_);
  }

 private:
  template <typename T>
  static TF_DataType TypeOf();

  void Check() {
    if (TF_GetCode(status_) != TF_OK) throw Error(TF_Message(status_));
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> held_;
};

template <>
inline TF_DataType Op::TypeOf<float>() {
  return TF_FLOAT;
}
template <>
inline TF_DataType Op::TypeOf<int32_t>() {
  return TF_INT32;
}

template <void (*Run)(Op&)>
void Compute(void*, TF_OpKernelContext* context) {
  Op op(context);
  try {
    Run(op);
  } catch (const std::exception& error) {
    op.Fail(error.what());
  }
}

/** An op without attributes: every parameter is an input tensor, because TensorFlow keeps one kernel per set of attributes. */
struct OpSpec {
  const char* name;
  std::vector<const char*> inputs;
  std::vector<const char*> outputs;
  void (*compute)(void*, TF_OpKernelContext*);
};

}  // namespace salmon
