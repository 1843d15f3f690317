"""Linear discriminant analysis of whole windows: one convolution as large as the window, solved and not trained by steps.

It is the tiniest network, and the baseline that any other has to beat. What differs between people of one class lies in
its covariance, so directions in which people differ weigh little. More people, or copies in other voices, teach it more.
"""

import numpy as np

from emolib.core.errors import BadParameter
from emolib.models.backend import keras

SHRINKAGE = 0.1  # of the covariance towards a multiple of the identity
MAX_VALUES = 2000  # of a window: the covariance has their square, and is solved


def build(input_shape, n_classes: int) -> keras.Model:
    """(height, width, n_channels) → logits (n_classes,)."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(n_classes, tuple(input_shape[:2]), padding="valid")(inputs)
    return keras.Model(inputs, keras.layers.Flatten(name="logits")(x))


def solve(X: np.ndarray, y: np.ndarray, n_classes: int) -> list[np.ndarray]:
    """Kernel (height, width, n_channels, n_classes) and bias (n_classes,), all classes as likely as each other.

    X (n, height, width, n_channels) are standardised windows of classes y (n,).
    Raises BadParameter for windows of too many values. Source: Hastie et al. (2009), "The elements of statistical learning", section 4.3.
    """
    if (n_values := X[0].size) > MAX_VALUES:
        raise BadParameter(
            f"network lda: a window has {n_values} values, expected {MAX_VALUES} or fewer: for speech set windows: {{frontend: "
            "{functionals: true}}, or take the modality's own network."
        )
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    priors = np.full(n_classes, 1 / n_classes)
    found = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE, priors=priors)
    found.fit(X.reshape(len(X), -1).astype(np.float64), y)
    weights = np.linalg.lstsq(found.covariance_, found.means_.T, rcond=None)[0]  # (n_values, n_classes)
    bias = -0.5 * np.einsum("cv,vc->c", found.means_, weights)
    return [weights.reshape(*X.shape[1:], n_classes).astype(np.float32), bias.astype(np.float32)]
