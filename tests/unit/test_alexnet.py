"""AlexNet as it is printed, what it costs, and what cannot be built."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from emolib.core.errors import BadParameter
from emolib.evaluation.cost import cost
from emolib.models.alexnet import Architecture, Block, baseline, build, embedded, flops, key, layers

PRINTED = {  # Krizhevsky et al. 2012, Figure 2: maps of both halves together
    "conv1": (55, 55, 96),
    "conv2": (27, 27, 256),
    "conv3": (13, 13, 384),
    "conv4": (13, 13, 384),
    "conv5": (13, 13, 256),
    "dense1": (4096,),
    "dense2": (4096,),
}
SMALL = Architecture(32, 1, (Block(8, 5, 2, 3), Block(12, 3), Block(8, 3, pool=2)), (16,), 3)


def test_params_and_maps_of_the_built_tower_are_those_counted_by_hand():
    """62,378,344 with a thousand classes are the known number of the ungrouped network."""
    model = build(baseline(3, 7))
    assert model.count_params() == 62_378_344 - 993 * 4097
    built = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert {name: built[name] for name in PRINTED} == PRINTED
    assert cost(model).flops == flops(baseline(3, 7))


@given(
    st.integers(20, 64),
    st.sampled_from([1, 3]),
    st.lists(
        st.tuples(*map(st.sampled_from, ([0, 4, 6], [1, 3, 5], [0, 2, 3], [False, True]))), min_size=1, max_size=3
    ),
    st.sampled_from([1, 2, 3]),
    st.lists(st.sampled_from([0, 8, 5]), max_size=2),
)
@settings(max_examples=12, deadline=None)
def test_flops_and_shapes_without_building_are_those_of_the_built_network(side, channels, rows, stride, dense):
    rows = [Block(f, k, stride if i == 0 and k >= stride else 1, p, b) for i, (f, k, p, b) in enumerate(rows)]
    try:
        architecture = Architecture(side, channels, tuple(rows), tuple(dense), 4)
    except BadParameter:
        return
    model = build(architecture)
    built = {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}
    found = layers(architecture)
    assert {layer.name: built[layer.name] for layer in found} == {layer.name: layer.shape for layer in found}
    assert flops(architecture) == cost(model).flops


def test_the_key_names_the_network_not_how_it_was_come_by_and_never_changes():
    """Third or fourth layer dropped: both leave one of 384 filters behind the second."""
    blocks = list(baseline().blocks)
    cut = [[replace(b, filters=0) if i == gone else b for i, b in enumerate(blocks)] for gone in (2, 3)]
    third, fourth = (replace(baseline(), blocks=tuple(left)) for left in cut)
    assert third != fourth and key(third) == key(fourth)
    assert key(replace(baseline(), dense=(0, 4096))) == key(replace(baseline(), dense=(4096,)))
    other = replace(baseline(), blocks=(replace(blocks[0], batch_norm=True), *blocks[1:]))
    different = [baseline(), third, baseline(3), replace(baseline(), dropout=0.3), other]
    assert len({key(one) for one in different}) == len(different)
    assert key(embedded()) == "599e613987890fc7"  # trained networks are found by it
    assert flops(embedded()) == pytest.approx(1.3e6, rel=0.01)  # as the paper says


def test_a_picture_of_another_size_is_resized_inside_and_costs_the_same():
    inner, outer = build(SMALL), build(SMALL, picture=(20, 20, 1))
    outer.set_weights(inner.get_weights())
    X = np.random.default_rng(0).random((2, 20, 20, 1)).astype(np.float32)
    expected = inner(tf.image.resize(X, (32, 32))).numpy()
    np.testing.assert_allclose(outer(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert outer(X).shape == (2, 3) and cost(outer).flops == flops(SMALL)
