#include "{{ name }}.h"
namespace emolib::{{ name }} {
alignas(16) const unsigned char kModel[kModelBytes] = {
{% for line in content | batch(16) %}
{% for byte in line %}{{ "0x%02x," | format(byte) }}{% endfor %}

{% endfor %}
};
}  // namespace emolib::{{ name }}
