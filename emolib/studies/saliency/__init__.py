"""Saliency: where in a picture a network sees its answer, whether eyes, cheeks and mouth hold it, and a sanity check."""

from emolib.studies.saliency.methods import METHODS, grad_cam, gradient, occlusion, smooth_grad
from emolib.studies.saliency.randomised import sanity
from emolib.studies.saliency.regions import ALIGNED, aligned, attention, masks, mean_maps

__all__ = [
    "ALIGNED",
    "METHODS",
    "aligned",
    "attention",
    "grad_cam",
    "gradient",
    "masks",
    "mean_maps",
    "occlusion",
    "sanity",
    "smooth_grad",
]
