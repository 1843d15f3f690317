// Written by `emolib firmware`: not to be edited.
#ifndef EMOLIB_EMOLIB_RESOLVER_H_
#define EMOLIB_EMOLIB_RESOLVER_H_
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
namespace emolib {
// alignas(16) static uint8_t arena[emolib::kArenaBytes]; a Resolver and AddOperators; then
// tflite::MicroInterpreter(tflite::GetModel(kModel of a model), resolver, arena, sizeof arena),
// AllocateTensors, and the vectors as a self-test.
using Resolver = tflite::MicroMutableOpResolver<{{ operators | length }}>;
// Registers the operators of all models, once; kTfLiteOk or the first failure.
inline TfLiteStatus AddOperators(Resolver& resolver) {
  TfLiteStatus status = kTfLiteOk;
{% for operator in operators %}
  if (status == kTfLiteOk) status = resolver.{{ operator }}();
{% endfor %}
  return status;
}
}  // namespace emolib
#endif  // EMOLIB_EMOLIB_RESOLVER_H_
