// Written by `emolib firmware`: not to be edited.
#ifndef EMOLIB_EMOLIB_MODELS_H_
#define EMOLIB_EMOLIB_MODELS_H_
#include <cstddef>
{% for model in models %}
#include "{{ model.name }}.h"
{% endfor %}
namespace emolib {
{{ about | constants }}
// Of one arena that the models use in turn; see the note at each.
inline constexpr std::size_t kArenaBytes = {{ models | map(attribute="arena_bytes") | max }};
{{ note | comment }}
{% for study in studies %}
namespace {{ study.name }} {
{{ study.about | constants }}
{% for name, member in study.members %}
namespace {{ name }} {
{{ member | constants }}
}  // namespace {{ name }}
{% endfor %}
}  // namespace {{ study.name }}
{% endfor %}
}  // namespace emolib
#endif  // EMOLIB_EMOLIB_MODELS_H_
