"""Which layer of a network Grad-CAM looks at."""

import keras

from emolib.core.errors import BadParameter
from emolib.quantization.folding import readers

CELLS = 6


def image_layer(model: keras.Model, name: str = "") -> keras.layers.Layer:
    """The layer of this name, or the last one that every path passes and whose image has CELLS a side or more.

    The very last image of a tiny network has 2 × 2 or 3 × 3 cells, too few to tell an eye from a cheek; it is
    taken where no layer has more. Raises BadParameter for a layer that gives no image (n, h, w, n_filters).
    """
    known = {layer.name: layer for layer in model.layers[1:] if len(layer.output.shape) == 4}
    if name in known:
        return known[name]
    if name or not known:
        raise BadParameter(
            f"layer: got {name!r}, expected one that gives an image: {', '.join(known) or 'none'}."
        )
    images = [layer for layer in passed(model) if layer.name in known]
    fine = [layer for layer in images if min(layer.output.shape[1:3]) >= CELLS]
    return (fine or images)[-1]


def passed(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers that every path from the input to the logits goes through, in this order."""
    place = {layer.name: k for k, layer in enumerate(model.layers)}
    reads, last, found = readers(model), 0, []
    for k, layer in enumerate(model.layers):
        if last <= k:  # nothing behind it reads what lies before it
            found.append(layer)
        last = max([last, *(place[reader.name] for reader in reads[layer.name])])
    return found
