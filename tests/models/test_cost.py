"""Costs against closed formulas, numbers worked by hand, published figures and TensorFlow."""

from dataclasses import replace

import keras
import pytest

from fgmix.errors import FgmixError
from fgmix.models import ATTENTIONS, BACKBONES, build_classifier
from fgmix.models.cost import Cost, classifier_costs, cost

SETTINGS = {"num_classes": 10, "image_size": 32}


def model_of(*layers, shape=(8, 6, 4)):
    inputs = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def multiply_adds(*layers, **kwargs):
    return cost(model_of(*layers, **kwargs)).multiply_adds


# Layers by hand, on a map of 8 x 6 positions and 4 channels


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        (keras.layers.Conv2D(5, 3, padding="same"), 8 * 6 * 9 * 4 * 5),
        (keras.layers.Conv2D(5, 3), 6 * 4 * 9 * 4 * 5),
        (keras.layers.Conv2D(5, (3, 1), strides=2, padding="same"), 4 * 3 * 3 * 4 * 5),
        (keras.layers.Conv2D(5, 3, dilation_rate=2, padding="same"), 8 * 6 * 9 * 4 * 5),
        (keras.layers.Conv2D(6, 3, groups=2, padding="same"), 8 * 6 * 9 * 2 * 6),
        (keras.layers.DepthwiseConv2D(3, strides=2, padding="same"), 4 * 3 * 9 * 4),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 8 * 6 * 9 * 8),
        (keras.layers.SeparableConv2D(5, 3, padding="same"), 8 * 6 * (9 * 4 + 4 * 5)),
        (keras.layers.SeparableConv2D(5, 3, strides=2, padding="same"), 4 * 3 * (9 * 4 + 4 * 5)),
        (keras.layers.Dense(5), 8 * 6 * 4 * 5),  # at every position, as in ConvNeXt
        (keras.layers.BatchNormalization(), 0),
        (keras.layers.LayerNormalization(), 0),
        (keras.layers.ReLU(), 0),
        (keras.layers.Dropout(0.1), 0),
        (keras.layers.MaxPooling2D(), 0),
        (keras.layers.GlobalAveragePooling2D(), 0),
        (keras.layers.ZeroPadding2D(), 0),
    ],
)
def test_a_layer_by_hand(layer, count):
    assert multiply_adds(layer) == count


def test_a_dense_layer_on_vectors():
    assert multiply_adds(keras.layers.Flatten(), keras.layers.Dense(5)) == 8 * 6 * 4 * 5


def test_a_layer_that_is_used_twice_counts_twice_and_is_stored_once():
    shared = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    found = cost(model_of(shared, keras.layers.MaxPooling2D(), shared))
    assert found == Cost(9 * 4 * 4, (8 * 6 + 4 * 3) * 9 * 4 * 4)


def test_a_model_within_a_model_is_counted_at_the_size_that_it_has_there():
    convolution = keras.layers.Conv2D(4, 3, padding="same")
    within = keras.Sequential([keras.Input((None, None, 4)), convolution, keras.layers.ReLU()])
    assert multiply_adds(within) == 8 * 6 * 9 * 4 * 4
    assert multiply_adds(keras.layers.MaxPooling2D(), within) == 4 * 3 * 9 * 4 * 4


def test_squeeze_and_excitation_within_a_backbone():
    inputs = keras.Input((8, 6, 4))
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    x = keras.layers.Conv2D(2, 1, activation="relu")(x)
    x = keras.layers.Conv2D(4, 1, activation="sigmoid")(x)
    x = keras.layers.Multiply()([inputs, x])
    model = keras.Model(inputs, keras.layers.Add()([x, inputs]) + inputs)
    assert cost(model).multiply_adds == 2 * 4 + 4 * 2 + 8 * 6 * 4


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2DTranspose(3, 3, name="mine"),
        type("Own", (keras.layers.Conv2D,), {})(3, 1, name="mine"),
    ],
)
def test_a_network_with_an_unknown_layer_is_not_counted(layer):
    inputs = keras.Input((8, 8, 3))
    known = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same")(inputs))
    unknown = cost(keras.Model(inputs, layer(known(inputs))))
    assert unknown.multiply_adds is None
    assert unknown.parameters == known.count_params() + layer.count_params()
    assert (unknown + cost(known)).multiply_adds is None


def test_a_network_with_a_product_without_a_layer_is_not_counted():
    inputs = keras.Input((8, 6))
    model = keras.Model(inputs, keras.ops.matmul(inputs, keras.ops.transpose(inputs, (0, 2, 1))))
    assert cost(model).multiply_adds is None


# Attentions

FORMULAS = {
    # name: parameters and multiply-adds of C channels at HW positions, h = max(1, C // r)
    "none": lambda c, hw, h: (0, 0),
    "channel": lambda c, hw, h: (2 * c * h + h + c, 2 * c * h + hw * c),
    "spatial": lambda c, hw, h: (2 * c * h + h + c, 2 * c * h + 2 * hw * c),
    "mixed": lambda c, hw, h: (
        2 * (2 * c * h + h + c) + 2 * c * c + c,
        2 * 2 * c * h + 3 * hw * c + 2 * hw * c * c,
    ),
    "conv": lambda c, hw, h: (2 * c * c + c, 2 * hw * c * c),
    "cbam": lambda c, hw, h: (
        2 * c * h + h + c + 7 * 7 * 2 + 1,
        2 * 2 * c * h + 2 * hw * c + 7 * 7 * 2 * hw,
    ),
}


def test_every_attention_has_a_formula():
    assert list(FORMULAS) == list(ATTENTIONS)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize(
    ("height", "width", "channels", "reduction"), [(7, 7, 512, 16), (3, 5, 24, 4), (1, 2, 3, 16)]
)
def test_an_attention_by_its_formula(attention, height, width, channels, reduction):
    layer = ATTENTIONS[attention](reduction, "softmax")
    found = cost(model_of(layer, shape=(height, width, channels)))
    hidden = max(1, channels // reduction)
    assert found == Cost(*FORMULAS[attention](channels, height * width, hidden))


# Whole classifiers


def test_tiny_by_hand():
    # 3 x 3 convolutions at 32, 16, 8 and 4 pixels, each with batch normalisation's 4 numbers.
    pairs = {32: [(3, 24)], 16: [(24, 48), (48, 48)], 8: [(48, 96), (96, 96)]}
    pairs[4] = [(96, 128), (128, 128)]
    body = Cost(
        sum(9 * i * o + 4 * o for at in pairs.values() for i, o in at),
        sum(side**2 * 9 * i * o for side, at in pairs.items() for i, o in at),
    )
    assert body == Cost(416_488, 20_717_568)
    for pooling, inputs in (("flatten", 2 * 2 * 128), ("avg", 128)):
        head = Cost(inputs * 512 + 512 + 4 * 512 + 512 * 10 + 10, inputs * 512 + 512 * 10)
        found = classifier_costs("tiny", pooling=pooling, reduction=8, **SETTINGS)
        assert list(found) == list(ATTENTIONS)
        for attention, parts in found.items():
            assert (parts.backbone, parts.head) == (body, head)
            assert parts.attention == Cost(*FORMULAS[attention](128, 2 * 2, 128 // 8))
            assert parts.whole.parameters == (
                body.parameters + parts.attention.parameters + head.parameters
            )


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_parts_add_up_to_the_classifier(attention):
    model = build_classifier(10, "tiny", attention, weights="none", image_size=32)
    assert cost(model) == classifier_costs("tiny", [attention], **SETTINGS)[attention].whole


def test_a_backbone_is_built_once(monkeypatch):
    built = []

    def build(image_size, weights, original=BACKBONES["tiny"].build):
        built.append(weights)
        return original(image_size, weights)

    monkeypatch.setitem(BACKBONES, "tiny", replace(BACKBONES["tiny"], build=build))
    classifier_costs("tiny", **SETTINGS)
    assert built == [None]


def vgg16():
    """Blocks of 3 x 3 convolutions, each followed by pooling that halves the side."""
    total, channels = 0, 3
    for block, (count, width) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]):
        for _ in range(count):
            total += (224 >> block) ** 2 * 9 * channels * width
            channels = width
    return total


def resnet50(stride_in):
    """Bottlenecks (1 x 1, 3 x 3, 1 x 1) whose first one in a stage strides in one of them."""
    total, channels = 112**2 * 49 * 3 * 64, 64
    for stage, count in enumerate([3, 4, 6, 3]):
        side, width = 56 >> stage, 64 << stage
        for block in range(count):
            before = 2 * side if block == 0 and stage else side
            middle = before if stride_in == "3x3" else side
            total += middle**2 * channels * width + side**2 * 9 * width**2
            total += side**2 * width * 4 * width
            if block == 0:
                total += side**2 * channels * 4 * width
            channels = 4 * width
    return total


def mobilenet_v2():
    """Inverted residuals: expansion t, channels c, repetitions n, first stride s (its Table 2)."""
    blocks = [
        *[(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)],
        *[(6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)],
    ]
    side, channels = 112, 32
    total = side**2 * 9 * 3 * 32
    for expansion, width, count, stride in blocks:
        for repetition in range(count):
            wide = expansion * channels
            if expansion > 1:
                total += side**2 * channels * wide
            side //= stride if repetition == 0 else 1
            total += side**2 * 9 * wide + side**2 * wide * width
            channels = width
    return total + side**2 * 320 * 1280


@pytest.mark.parametrize(
    ("backbone", "formula", "published"),
    [
        ("vgg16", vgg16(), 15.35),
        ("resnet50", resnet50("1x1"), 3.86),
        ("mobilenet_v2", mobilenet_v2(), 0.30),
    ],
)
def test_a_known_backbone_by_its_formula_and_published_figure(backbone, formula, published):
    found = classifier_costs(backbone, ["none"], num_classes=2, pooling="avg")["none"]
    assert found.backbone.multiply_adds == formula
    assert found.backbone.multiply_adds / 1e9 == pytest.approx(published, abs=0.005)


def test_the_formula_of_resnet50_with_its_strides_in_the_3x3():
    assert resnet50("3x3") / 1e9 == pytest.approx(4.09, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"), [("EfficientNetV2B0", 0.72), ("ConvNeXtTiny", 4.46)]
)
def test_other_kinds_of_network_by_their_published_figures(name, published):
    build = getattr(keras.applications, name)
    model = build(include_top=False, weights=None, input_shape=(224, 224, 3))
    assert cost(model).multiply_adds / 1e9 == pytest.approx(published, abs=0.01)


def kernels_by_tensorflow(model):
    """Multiply-adds by TensorFlow's own statistics of its graph: two operations each."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

    image = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(image).graph
    profiler = tf.compat.v1.profiler
    operations = profiler.ProfileOptionBuilder.float_operation()
    options = profiler.ProfileOptionBuilder(operations).with_empty_output().build()
    found = {}
    nodes = [profiler.profile(graph, options=options, cmd="op")]
    while nodes:
        node = nodes.pop()
        found[node.name] = node.float_ops
        nodes.extend(node.children)
    kinds = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
    return sum(found.get(kind, 0) for kind in kinds) // 2


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_tensorflow_counts_the_same(attention):
    # It has no statistics of products with the feature map that are no convolution: those are
    # known here, on 2 x 2 x 128, by how many there are.
    products = {"channel": 1, "spatial": 2, "mixed": 3, "cbam": 2}.get(attention, 0) * 2 * 2 * 128
    model = build_classifier(10, "tiny", attention, weights="none", image_size=32)
    assert cost(model).multiply_adds == kernels_by_tensorflow(model) + products


@pytest.mark.parametrize(
    ("backbone", "changes", "part"),
    [
        ("vgg99", {}, f"unknown backbone 'vgg99': choose one of {', '.join(BACKBONES)}"),
        ("tiny", {"attentions": ["more"]}, "unknown attention 'more': choose one of none, "),
        ("tiny", {"pooling": "max"}, "unknown pooling 'max': choose one of flatten, avg"),
        ("tiny", {"reduction": 0}, "reduction must be at least 1, not 0"),
        ("tiny", {"num_classes": 1}, "at least 2 classes, not 1"),
        ("tiny", {"image_size": 8}, "image size 8 is too small for tiny"),
    ],
)
def test_bad_settings_are_one_line(backbone, changes, part):
    with pytest.raises(FgmixError) as caught:
        classifier_costs(backbone, **{**SETTINGS, **changes})
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
