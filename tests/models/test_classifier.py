"""The classifier: parameter counts, what it does to images, its head, and any model as backbone."""

from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest

from fgmix.errors import FgmixError
from fgmix.models import ATTENTIONS, BACKBONES, build_classifier, parameter_groups
from tests.backbones import OWN

SIZE = 64
CLASSES = 10
ATTENTION_PARAMETERS = {
    # With C channels and h = C // 16: 2Ch + h + C an excitation and 2C^2 + C the merge.
    "none": lambda c: 0,
    "channel": lambda c: 2 * c * (c // 16) + c // 16 + c,
    "spatial": lambda c: 2 * c * (c // 16) + c // 16 + c,
    "mixed": lambda c: 2 * (2 * c * (c // 16) + c // 16 + c) + 2 * c * c + c,
    "conv": lambda c: 2 * c * c + c,
    "cbam": lambda c: 2 * c * (c // 16) + c // 16 + c + 7 * 7 * 2 + 1,
}
FEATURES = {
    # name: parameters without the top, channels, positions of the feature map at 64 pixels
    "vgg16": (14_714_688, 512, 4),
    "vgg16_bn": (14_731_584, 512, 4),
    "resnet50": (23_587_712, 2048, 4),
    "resnet50_torch": (23_561_152, 2048, 4),
    "mobilenet_v2": (2_257_984, 1280, 4),
    "efficientnet_v2_b0": (5_919_312, 1280, 4),
    "convnext_tiny": (27_820_128, 768, 4),
    "tiny": (416_488, 128, 16),
}
PARAMETERS = {
    # (backbone, attention): total with flatten, total with avg
    ("vgg16", "none"): (15_770_954, 14_984_522),
    ("vgg16", "channel"): (15_804_266, 15_017_834),
    ("vgg16", "spatial"): (15_804_266, 15_017_834),
    ("vgg16", "mixed"): (16_362_378, 15_575_946),
    ("vgg16", "conv"): (16_295_754, 15_509_322),
    ("vgg16", "cbam"): (15_804_365, 15_017_933),
    ("vgg16_bn", "none"): (15_787_850, 15_001_418),
    ("vgg16_bn", "channel"): (15_821_162, 15_034_730),
    ("vgg16_bn", "spatial"): (15_821_162, 15_034_730),
    ("vgg16_bn", "mixed"): (16_379_274, 15_592_842),
    ("vgg16_bn", "conv"): (16_312_650, 15_526_218),
    ("vgg16_bn", "cbam"): (15_821_261, 15_034_829),
    ("resnet50", "none"): (27_789_706, 24_643_978),
    ("resnet50", "channel"): (28_316_170, 25_170_442),
    ("resnet50", "spatial"): (28_316_170, 25_170_442),
    ("resnet50", "mixed"): (37_233_290, 34_087_562),
    ("resnet50", "conv"): (36_180_362, 33_034_634),
    ("resnet50", "cbam"): (28_316_269, 25_170_541),
    ("resnet50_torch", "none"): (27_763_146, 24_617_418),
    ("resnet50_torch", "channel"): (28_289_610, 25_143_882),
    ("resnet50_torch", "spatial"): (28_289_610, 25_143_882),
    ("resnet50_torch", "mixed"): (37_206_730, 34_061_002),
    ("resnet50_torch", "conv"): (36_153_802, 33_008_074),
    ("resnet50_torch", "cbam"): (28_289_709, 25_143_981),
    ("mobilenet_v2", "none"): (4_887_114, 2_921_034),
    ("mobilenet_v2", "channel"): (5_093_274, 3_127_194),
    ("mobilenet_v2", "spatial"): (5_093_274, 3_127_194),
    ("mobilenet_v2", "mixed"): (8_577_514, 6_611_434),
    ("mobilenet_v2", "conv"): (8_165_194, 6_199_114),
    ("mobilenet_v2", "cbam"): (5_093_373, 3_127_293),
    ("efficientnet_v2_b0", "none"): (8_548_442, 6_582_362),
    ("efficientnet_v2_b0", "channel"): (8_754_602, 6_788_522),
    ("efficientnet_v2_b0", "spatial"): (8_754_602, 6_788_522),
    ("efficientnet_v2_b0", "mixed"): (12_238_842, 10_272_762),
    ("efficientnet_v2_b0", "conv"): (11_826_522, 9_860_442),
    ("efficientnet_v2_b0", "cbam"): (8_754_701, 6_788_621),
    ("convnext_tiny", "none"): (29_400_682, 28_221_034),
    ("convnext_tiny", "channel"): (29_475_226, 28_295_578),
    ("convnext_tiny", "spatial"): (29_475_226, 28_295_578),
    ("convnext_tiny", "mixed"): (30_730_186, 29_550_538),
    ("convnext_tiny", "conv"): (30_581_098, 29_401_450),
    ("convnext_tiny", "cbam"): (29_475_325, 28_295_677),
    ("tiny", "none"): (1_472_754, 489_714),
    ("tiny", "channel"): (1_474_938, 491_898),
    ("tiny", "spatial"): (1_474_938, 491_898),
    ("tiny", "mixed"): (1_510_018, 526_978),
    ("tiny", "conv"): (1_505_650, 522_610),
    ("tiny", "cbam"): (1_475_037, 491_997),
}
APPLICATIONS = {
    # name: the model and the preprocessing that belong together in keras.applications
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16),
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50),
    "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
    # These two normalise with layers of their own.
    "efficientnet_v2_b0": (
        keras.applications.EfficientNetV2B0,
        keras.applications.efficientnet_v2,
    ),
    "convnext_tiny": (keras.applications.ConvNeXtTiny, keras.applications.convnext),
}


@pytest.fixture(scope="module")
def built():
    """Every backbone, built once: each takes seconds."""
    return {name: BACKBONES[name].build(SIZE, None) for name in OWN}


@pytest.fixture
def registry(built, monkeypatch):
    """The registry, whose backbones are the ones already built."""
    for name in OWN:
        shared = replace(BACKBONES[name], build=lambda size, weights, name=name: built[name])
        monkeypatch.setitem(BACKBONES, name, shared)


@pytest.fixture(scope="module")
def whole():
    """Returns the classifier on a backbone of the registry, built once: each takes seconds."""
    return cache(lambda backbone: classifier(backbone, "mixed", pooling="avg"))


def classifier(backbone="tiny", attention="mixed", size=SIZE, **kwargs):
    if isinstance(backbone, str):
        kwargs["weights"] = "none"
    return build_classifier(CLASSES, backbone, attention, image_size=size, **kwargs)


def photos(count=2, size=SIZE):
    """Random RGB images that include black and white."""
    images = np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype("float32")
    images[0, :2] = 0
    images[0, 2:4] = 255
    return images


def numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def randomize(model):
    """Gives every weight, moving statistics included, a value that makes its wrong use visible."""
    rng = np.random.default_rng(1)

    def draw(shape):
        if len(shape) == 1:  # biases, and the numbers of batch normalisation
            return rng.uniform(0.2, 0.6, shape)
        return rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape)

    model.set_weights([draw(weight.shape) for weight in model.weights])
    return model


def before_attention(model):
    """The part of a classifier up to the feature map."""
    return keras.Model(model.input, model.get_layer("attention").input)


# Parameters


@pytest.mark.slow
@pytest.mark.parametrize("backbone", OWN)
def test_parameters_of_the_whole(registry, backbone):
    parameters = classifier(backbone, "none", pooling="avg").count_params()
    assert parameters == PARAMETERS[backbone, "none"][1]


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "attention"), PARAMETERS)
def test_parameters_of(backbone, attention):
    # One convolution replaces the backbone: building 48 whole ones would take minutes.
    base, channels, positions = FEATURES[backbone]
    stride = SIZE // int(positions**0.5)
    inputs = keras.Input((SIZE, SIZE, 3))
    stand_in = keras.Model(inputs, keras.layers.Conv2D(channels, 1, strides=stride)(inputs))
    counts = tuple(
        base - 4 * channels + classifier(stand_in, attention, pooling=pooling).count_params()
        for pooling in ("flatten", "avg")
    )
    assert counts == PARAMETERS[backbone, attention]


def test_every_backbone_and_attention_is_in_the_table():
    assert set(PARAMETERS) == {(b, a) for b in OWN for a in ATTENTIONS}


@pytest.mark.parametrize(("backbone", "attention"), PARAMETERS)
def test_the_table_is_the_sum_of_backbone_attention_and_head(backbone, attention):
    base, channels, positions = FEATURES[backbone]
    for total, inputs in zip(
        PARAMETERS[backbone, attention], (positions * channels, channels), strict=True
    ):
        head = (inputs * 512 + 512) + 4 * 512 + (512 * CLASSES + CLASSES)
        assert total == base + ATTENTION_PARAMETERS[attention](channels) + head


def test_batch_normalisation_before_the_head_adds_four_numbers_an_input():
    for pooling, inputs in (("flatten", 16 * 128), ("avg", 128)):
        after, both = (
            classifier(pooling=pooling, head_bn=head_bn).count_params()
            for head_bn in ("after", "both")
        )
        assert both - after == 4 * inputs


@pytest.mark.parametrize(("reduction", "hidden"), [(1, 128), (4, 32), (128, 1), (1000, 1)])
def test_the_reduction_reaches_the_attention(reduction, hidden):
    none, channel = (
        classifier(attention=attention, reduction=reduction).count_params()
        for attention in ("none", "channel")
    )
    assert channel - none == 2 * 128 * hidden + hidden + 128


@pytest.mark.parametrize("attention", ["spatial", "mixed"])
def test_the_gate_reaches_the_attention(attention):
    model = classifier(attention=attention, gate="sigmoid")
    assert model.get_layer("attention").get_config()["gate"] == "sigmoid"


# Inputs and outputs


def check_probabilities(model, size=SIZE):
    probabilities = model(photos(3, size))
    assert keras.backend.standardize_dtype(probabilities.dtype) == "float32"
    assert probabilities.shape == (3, CLASSES)
    assert (numbers(probabilities) >= 0).all()
    np.testing.assert_allclose(numbers(probabilities).sum(axis=-1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", OWN)
def test_images_in_and_probabilities_out(registry, whole, backbone):
    check_probabilities(whole(backbone))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_output_is_the_softmax_of_the_logits(attention):
    model = classifier(attention=attention)
    logits = keras.Model(model.input, model.get_layer("logits").output)
    out = np.exp(numbers(logits(photos())))
    np.testing.assert_allclose(
        numbers(model(photos())), out / out.sum(axis=-1, keepdims=True), rtol=1e-4
    )


@pytest.fixture
def mixed_bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_in_mixed_precision_only_the_ends_are_float32(mixed_bfloat16, attention):
    model = classifier(attention=attention, size=32)
    check_probabilities(model, size=32)
    dtypes = {
        name: keras.backend.standardize_dtype(model.get_layer(name).output.dtype)
        for name in ("normalization", "attention", "head_fc", "logits", "probabilities")
    }
    assert dtypes == {
        "normalization": "float32",
        "attention": "bfloat16",
        "head_fc": "bfloat16",
        "logits": "float32",
        "probabilities": "float32",
    }
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


# Normalisation and backbone


@pytest.mark.parametrize("backbone", ["vgg16", "resnet50", "mobilenet_v2"])
def test_normalisation_is_that_of_keras_applications(registry, whole, backbone):
    normalize = whole(backbone).get_layer("normalization")
    _, module = APPLICATIONS[backbone]
    np.testing.assert_allclose(
        numbers(normalize(photos())), module.preprocess_input(photos().copy()), atol=1e-4
    )


@pytest.mark.parametrize("backbone", ["vgg16_bn", "resnet50_torch"])
def test_torchvisions_normalisation(registry, whole, backbone):
    normalize = whole(backbone).get_layer("normalization")
    expected = (photos() / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(numbers(normalize(photos())), expected, atol=1e-5)


def test_tiny_sees_minus_one_to_one():
    normalize = classifier().get_layer("normalization")
    np.testing.assert_allclose(numbers(normalize(photos())), photos() / 127.5 - 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", APPLICATIONS)
def test_features_are_those_of_keras_applications(registry, whole, backbone):
    build, module = APPLICATIONS[backbone]
    mine = randomize(before_attention(whole(backbone)))
    theirs = build(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    assert len(mine.weights) == len(theirs.weights)
    for weight, value in zip(theirs.weights, mine.get_weights(), strict=True):
        weight.assign(value.reshape(weight.shape))  # ConvNeXt's depthwise kernels differ in shape
    expected = numbers(theirs(module.preprocess_input(photos().copy())))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(
        numbers(mine(photos())), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.slow
@pytest.mark.parametrize("backbone", OWN)
def test_a_registered_backbone_is_laid_flat(registry, whole, backbone):
    model = whole(backbone)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    # On TensorFlow Keras has XLA compile grouped convolutions, which not every server runs.
    assert not [layer for layer in model.layers if getattr(layer, "groups", 1) > 1]
    names = [layer.name for layer in model.layers]
    assert names[:2] == ["images", "normalization"]
    assert names[-6:] == ["pool", "head_fc", "head_bn", "head_elu", "logits", "probabilities"]
    assert names[-7] == "attention"


@pytest.mark.slow
@pytest.mark.parametrize("backbone", OWN)
def test_every_batch_normalisation_adapts_in_a_few_steps(registry, backbone):
    model = classifier(backbone, "none", pooling="avg", head_bn="both")
    layers = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    assert len(layers) >= 2  # the head's, if no other
    assert {layer.momentum for layer in layers} == {0.9}


# The head


def batch_norm(x, layer):
    gamma, beta, mean, variance = layer.get_weights()
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


@pytest.mark.parametrize("pooling", ["flatten", "avg"])
@pytest.mark.parametrize("head_bn", ["after", "both"])
def test_the_head_is_fc_batch_normalisation_elu_fc(pooling, head_bn):
    model = randomize(classifier(pooling=pooling, head_bn=head_bn))
    ends = [model.get_layer("attention").output, model.get_layer("logits").output]
    attended, logits = (numbers(x) for x in keras.Model(model.input, ends)(photos(4)))

    x = attended.astype("float64")
    x = x.reshape(4, -1) if pooling == "flatten" else x.mean(axis=(1, 2))
    if head_bn == "both":
        x = batch_norm(x, model.get_layer("head_bn_before"))
    kernel, bias = model.get_layer("head_fc").get_weights()
    assert kernel.shape[1] == 512
    x = batch_norm(x @ kernel + bias, model.get_layer("head_bn"))
    assert x.min() < -0.5
    x = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(logits, x @ kernel + bias, rtol=1e-4, atol=1e-4)


def test_batch_normalisation_comes_before_the_head_only_if_asked_for():
    heads = {
        head_bn: [layer.name for layer in classifier(head_bn=head_bn).layers]
        for head_bn in ("after", "both")
    }
    assert "head_bn_before" not in heads["after"]
    start = heads["both"].index("attention") + 1
    assert heads["both"][start : start + 4] == ["flatten", "head_bn_before", "head_fc", "head_bn"]


# Any model as backbone


def functional(**kwargs):
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(8, 3, strides=4, activation="relu", **kwargs)(inputs)
    y = keras.layers.Conv2D(8, 1)(x)
    return keras.Model(inputs, keras.layers.Add()([x, y]), name="mine")


def sequential():
    layers = [keras.layers.Conv2D(8, 3, strides=4), keras.layers.ReLU()]
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers])


def sequential_without_input():
    return keras.Sequential([keras.layers.Conv2D(8, 3, strides=4), keras.layers.ReLU()])


class Subclassed(keras.Model):
    """A convolution whose output goes through `end`."""

    def __init__(self, end=lambda x: x, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(8, 3, strides=4)
        self.end = end

    def call(self, images):
        return self.end(self.conv(images))


MODELS = {
    "functional": functional,
    "sequential": sequential,
    "sequential without input": sequential_without_input,
    "subclassed": Subclassed,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_any_model_is_a_backbone(make):
    backbone = make()
    model = randomize(classifier(backbone))
    check_probabilities(model)
    np.testing.assert_allclose(
        numbers(before_attention(model)(photos())), numbers(backbone(photos())), rtol=1e-6
    )


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_models_weights_are_shared_not_copied(make):
    backbone = make()
    first, second = classifier(backbone), classifier(backbone)
    shared = {id(variable) for variable in backbone.weights}
    assert len(shared) >= 2
    for model in (first, second):
        assert shared <= {id(variable) for variable in model.weights}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_the_normalization_of_a_model_is_the_callers(make):
    backbone = make()
    model = classifier(backbone, normalization={"scale": 2 / 255, "offset": [-1, 0, 1]})
    expected = numbers(backbone(photos() * (2 / 255) + np.array([-1, 0, 1], "float32")))
    np.testing.assert_allclose(
        numbers(before_attention(model)(photos())), expected, rtol=1e-4, atol=1e-4
    )


def test_building_leaves_the_callers_model_as_it_was():
    backbone = functional()
    before, output = backbone.get_config(), numbers(backbone(photos()))
    classifier(backbone)
    assert backbone.get_config() == before
    np.testing.assert_array_equal(numbers(backbone(photos())), output)


@pytest.mark.parametrize("make", [functional, sequential])
def test_a_model_with_a_graph_is_laid_flat(make):
    model = classifier(make())
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]


class Sum(keras.layers.Layer):
    def call(self, first, second):
        return first + second


def test_every_layer_that_reads_the_images_gets_them_normalised():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.MaxPooling2D(1)(inputs)
    x = keras.layers.Add()([x, inputs])
    backbone = keras.Model(inputs, Sum()(x, second=inputs))
    model = classifier(backbone, "none", normalization={"scale": 0.1})
    np.testing.assert_allclose(
        numbers(before_attention(model)(photos())), 0.3 * photos(), rtol=1e-5
    )


def test_a_layer_of_a_registered_backbone_gives_its_output():
    model = classifier(size=32)
    inner = keras.Model(model.input, model.get_layer("block2_pool").output)
    assert inner(photos(size=32)).shape == (2, 8, 8, 48)


# Learning-rate groups


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("head_bn", ["after", "both"])
def test_every_trainable_variable_is_in_one_group(attention, head_bn):
    model = classifier(attention=attention, head_bn=head_bn)
    groups = parameter_groups(model)
    assert set(groups) == {"backbone", "head"}
    grouped = [id(variable) for variables in groups.values() for variable in variables]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(variable) for variable in model.trainable_variables}


@pytest.mark.parametrize("make", [functional, sequential, Subclassed])
def test_the_groups_of_a_callers_model(make):
    backbone = make()
    model = classifier(backbone)
    groups = parameter_groups(model)
    ids = [{id(v) for v in variables} for variables in (groups["backbone"], backbone.weights)]
    assert ids[0] == ids[1]
    assert len(groups["backbone"]) + len(groups["head"]) == len(model.trainable_variables)


@pytest.mark.parametrize(
    ("attention", "count"), [("none", 0), ("channel", 4), ("mixed", 10), ("conv", 2), ("cbam", 6)]
)
def test_attention_merge_and_classifier_learn_at_the_heads_rate(attention, count):
    groups = parameter_groups(classifier(attention=attention))
    paths = [variable.path for variable in groups["head"]]
    assert len([path for path in paths if path.startswith("attention/")]) == count
    assert ("attention/merge/kernel" in paths) == (attention in ("mixed", "conv"))
    assert sorted(path for path in paths if not path.startswith("attention/")) == [
        "head_bn/beta",
        "head_bn/gamma",
        "head_fc/bias",
        "head_fc/kernel",
        "logits/bias",
        "logits/kernel",
    ]
    assert all(variable.path.startswith("block") for variable in groups["backbone"])


# Saving


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("options", [{}, {"pooling": "avg", "head_bn": "both", "gate": "softmax"}])
def test_saved_and_loaded_it_is_the_same(tmp_path, attention, options):
    check_round_trip(randomize(classifier(attention=attention, size=32, **options)), tmp_path, 32)


@pytest.mark.slow
def test_a_saved_mobilenet_is_the_same(registry, tmp_path):
    check_round_trip(classifier("mobilenet_v2", "mixed"), tmp_path, SIZE)


def check_round_trip(model, folder, size):
    model.save(folder / "m.keras")
    again = keras.models.load_model(folder / "m.keras", safe_mode=True)
    out = numbers(model(photos(size=size)))
    assert out.max() < 0.999  # not saturated, so a changed weight changes it
    np.testing.assert_array_equal(numbers(again(photos(size=size))), out)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    sizes = [
        {name: len(variables) for name, variables in parameter_groups(m).items()}
        for m in (model, again)
    ]
    assert sizes[0] == sizes[1]


# Errors


def refusal(*args, **kwargs):
    """The one-line error message of `build_classifier` for these arguments."""
    with pytest.raises(FgmixError) as caught:
        build_classifier(*args, **{"image_size": SIZE, **kwargs})
    message = str(caught.value)
    assert "\n" not in message
    return message


def ending(end):
    """A functional model whose convolution goes through `end`."""
    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, end(keras.layers.Conv2D(8, 3, strides=4)(inputs)), name="mine")


ENDS = {
    "3-D": keras.layers.Reshape((-1, 8)),
    "2-D": keras.layers.GlobalAveragePooling2D(),
    "two": lambda x: [x, x + 1],
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("make", [ending, lambda end: Subclassed(end, name="mine")])
def test_a_backbone_must_give_one_feature_map(make, end):
    message = refusal(3, make(end))
    assert "mine" in message
    assert "one" in message


def test_a_backbone_must_have_one_input():
    inputs = [keras.Input((SIZE, SIZE, 3)) for _ in range(2)]
    two = keras.Model(inputs, keras.layers.Add()(inputs), name="mine")
    assert "mine" in refusal(3, two)


def test_a_backbone_must_take_rgb():
    inputs = keras.Input((SIZE, SIZE, 1))
    grey = keras.Model(inputs, keras.layers.Conv2D(8, 3)(inputs), name="mine")
    assert "mine" in refusal(3, grey)


@pytest.mark.parametrize("name", ["normalization", "attention", "head_fc", "logits"])
def test_a_backbone_must_not_use_the_classifiers_layer_names(name):
    assert f"'{name}'" in refusal(3, functional(name=name))


@pytest.mark.parametrize("num_classes", [1, 0, -3])
def test_one_class_is_nothing_to_classify(num_classes):
    message = refusal(num_classes, "tiny", weights="none")
    assert f"at least 2 classes, not {num_classes}" in message


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ("backbone", BACKBONES),
        ("attention", ATTENTIONS),
        ("pooling", ("flatten", "avg")),
        ("head_bn", ("after", "both")),
    ],
)
def test_an_unknown_name_lists_the_known_ones(option, known):
    message = refusal(3, **{"backbone": "tiny", "weights": "none", option: "vgg99"})
    assert f"unknown {option} 'vgg99'" in message
    assert ", ".join(known) in message


def test_a_too_small_image_size_names_the_smallest():
    message = refusal(3, "vgg16", weights="none", image_size=31)
    assert "image size 31 is too small for vgg16: use --image-size 32 or more" in message


def test_a_named_backbone_brings_its_own_normalization():
    assert "tiny" in refusal(3, "tiny", weights="none", normalization={"scale": 1 / 255})
