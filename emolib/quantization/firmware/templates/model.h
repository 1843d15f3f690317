// Written by `emolib firmware`: not to be edited.
#ifndef EMOLIB_{{ name | upper }}_H_
#define EMOLIB_{{ name | upper }}_H_
#include <cstddef>
#include <cstdint>
namespace emolib::{{ name }} {
// Operators: {{ operators | join(", ") }}
{{ {"source": source, "sha256": sha256} | constants }}
inline constexpr std::size_t kModelBytes = {{ content | length }};
alignas(16) extern const unsigned char kModel[kModelBytes];  // the .tflite file
// Bytes of the tensor arena, the least in which tflite-micro opens the model on a 64-bit computer. A
// microcontroller's pointers are half as long, so it needs less of it; its own kernels (CMSIS-NN) may ask
// for scratch memory on top.
inline constexpr std::size_t kArenaBytes = {{ arena_bytes }};
// int8 input = clip(round_half_even(x / kInputScale + kInputZeroPoint), -128, 127).
{{ input | constants }}
// real = kOutputScale * (output - kOutputZeroPoint)
{{ output | constants }}
{{ note | comment }}
{{ about | constants }}
}  // namespace emolib::{{ name }}
#endif  // EMOLIB_{{ name | upper }}_H_
