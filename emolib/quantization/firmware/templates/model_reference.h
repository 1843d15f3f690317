// Written by `emolib firmware`: not to be edited.
#ifndef EMOLIB_{{ name | upper }}_REFERENCE_H_
#define EMOLIB_{{ name | upper }}_REFERENCE_H_
#include <cstdint>
namespace emolib::{{ name }} {
// Inputs: {{ origin }}.
// kExpected are the outputs of LiteRT's reference kernels; tflite-micro's reference kernels are kMaxLsb
// steps away at most. Optimised kernels may round apart by more.
{{ {"max_lsb": max_lsb, "vectors": inputs | length} | constants }}
{{ declared("inputs", inputs) }}
{{ declared("expected", outputs) }}
}  // namespace emolib::{{ name }}
#endif  // EMOLIB_{{ name | upper }}_REFERENCE_H_
