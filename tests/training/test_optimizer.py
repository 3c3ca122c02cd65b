"""Groups, schedules and update steps against hand-computed numbers."""

import keras
import numpy as np
import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.models import build_classifier
from fgmix.models.attention import ATTENTIONS
from fgmix.models.classifier import parameter_groups
from fgmix.models.freezing import freeze_batch_norm
from fgmix.training.optimizer import L2SGD, build_optimizer, build_schedules, rate_groups
from fgmix.training.precision import policy


def config(**settings):
    return TrainConfig(dataset="cars", **settings).resolve()


def tiny(attention="mixed"):
    return build_classifier(3, "tiny", attention, weights="none", image_size=32)


def by_group(model):
    """Returns the paths of the variables of each group: backbone, or new layers."""
    new = ("attention", "head_bn_before", "head_fc", "head_bn", "logits")
    paths = {"backbone": set(), "head": set()}
    for layer in model.layers:
        group = "head" if layer.name in new else "backbone"
        paths[group] |= {v.path for v in layer.trainable_variables}
    return paths


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_trainable_variable_is_in_exactly_one_group(attention):
    model = tiny(attention)
    groups = parameter_groups(model)
    ids = [id(v) for variables in groups.values() for v in variables]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(v) for v in model.trainable_variables}
    assert {g: {v.path for v in variables} for g, variables in groups.items()} == by_group(model)


@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2"])
def test_frozen_batch_norm_is_in_no_group_and_the_rest_in_one(backbone):
    model = build_classifier(3, backbone, "mixed", weights="none", image_size=32, head_bn="both")
    before = {v.path for variables in parameter_groups(model).values() for v in variables}
    freeze_batch_norm(model)
    groups = parameter_groups(model)
    ids = [id(v) for variables in groups.values() for v in variables]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(v) for v in model.trainable_variables}
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    left = before - {v.path for variables in groups.values() for v in variables}
    own = {"head_bn", "head_bn_before"}
    assert left == {v.path for x in norms if x.name not in own for v in (x.gamma, x.beta)}
    assert {"head_bn/gamma", "head_bn_before/beta"} <= {v.path for v in groups["head"]}


def test_the_merge_convolution_learns_at_the_heads_rate():
    head = {v.path for v in parameter_groups(tiny("mixed"))["head"]}
    merge = {path for path in head if "merge" in path}
    assert {path.rsplit("/", 1)[1] for path in merge} == {"kernel", "bias"}


def test_the_rate_falls_along_a_cosine_to_zero():
    schedules = build_schedules(config(epochs=10), steps_per_epoch=3)
    # (1 + cos(pi * step / 30)) / 2: step 10 is cos 60 degrees = 1/2, so 3/4 of the peak.
    for step, share in [(0, 1.0), (10, 0.75), (15, 0.5), (20, 0.25), (30, 0.0), (99, 0.0)]:
        np.testing.assert_allclose(schedules["backbone"](step), 0.01 * share, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(schedules["head"](step), 0.1 * share, rtol=1e-5, atol=1e-8)


def test_the_first_epochs_rates_of_the_paper_on_cars():
    # 8,144 photos make 254 whole batches of 32. At the first step of epoch e (from 0) of 300 the
    # cosine is at e / 300 of half a period: (1 + cos(pi e / 300)) / 2.
    settings = config(backbone="vgg16")
    schedules = build_schedules(settings, steps_per_epoch=254)
    shares = {0: 1.0, 1: 0.99997258, 2: 0.99989034, 3: 0.99975328, 100: 0.75, 299: 2.7415e-05}
    for epoch, share in shares.items():
        at = epoch * 254
        np.testing.assert_allclose(schedules["backbone"](at), 0.01 * share, rtol=2e-4)
        np.testing.assert_allclose(schedules["head"](at), 0.1 * share, rtol=2e-4)


def test_the_rate_rises_for_the_warm_up_first():
    strong = config(recipe="strong", epochs=3, backbone_lr=0.2, head_lr=2.0)
    schedules = build_schedules(strong, steps_per_epoch=4)
    # One epoch of 4 steps up, then 8 steps of cosine.
    for step, share in [(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (8, 0.5), (12, 0.0), (50, 0.0)]:
        np.testing.assert_allclose(schedules["backbone"](step), 0.2 * share, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(schedules["head"](step), 2.0 * share, rtol=1e-5, atol=1e-6)


def test_a_run_no_longer_than_its_warm_up_only_rises():
    schedule = build_schedules(config(recipe="strong", epochs=1), steps_per_epoch=4)["head"]
    np.testing.assert_allclose([schedule(i) for i in range(4)], [0, 2.5e-4, 5e-4, 7.5e-4])


def test_two_sgd_steps_by_hand():
    # The decay is in the gradient: m <- 0.9 m - rate * (g + 1e-4 w); w <- w + m. Rates: the cosine
    # over 2 epochs of 2 steps.
    model = tiny()
    groups = parameter_groups(model)
    settings = config(recipe="paper", epochs=2)
    optimizer = build_optimizer(model, settings, 2)
    variables = model.trainable_variables
    optimizer.build(variables)
    rng = np.random.default_rng(0)
    for variable in variables:  # biases start at zero, so decay has no effect
        variable.assign(rng.normal(1, 0.5, variable.shape))
    gradients = [[rng.normal(0, 1, v.shape) for v in variables] for _ in range(2)]
    expected = {v.path: np.asarray(v, "float64") for v in variables}
    momentum = {v.path: 0.0 for v in variables}
    peaks = {v.path: 0.01 for v in groups["backbone"]} | {v.path: 0.1 for v in groups["head"]}
    for step, share in enumerate([1.0, (1 + np.cos(np.pi / 4)) / 2]):
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients[step]])
        for variable, gradient in zip(variables, gradients[step], strict=True):
            path = variable.path
            rate = peaks[path] * share
            momentum[path] = 0.9 * momentum[path] - rate * (gradient + 1e-4 * expected[path])
            expected[path] = expected[path] + momentum[path]
    assert len(expected) == len(variables)
    for variable in variables:
        np.testing.assert_allclose(
            np.asarray(variable), expected[variable.path], rtol=1e-6, atol=1e-6
        )


@pytest.mark.peers
def test_the_papers_sgd_is_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    start = rng.normal(1, 0.5, (5, 4)).astype("float32")
    ours = keras.Variable(start, name="w")
    theirs = torch.nn.Parameter(torch.tensor(start))
    optimizer = L2SGD(0.1, 0.9, l2=0.01)
    reference = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(20):
        gradient = rng.normal(0, 1, start.shape).astype("float32")
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [ours])
        theirs.grad = torch.tensor(gradient)
        reference.step()
    np.testing.assert_allclose(np.asarray(ours), theirs.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(ours) - start).max() > 1


def test_sgds_config_makes_it_again():
    optimizer = L2SGD(0.1, 0.9, l2=0.01)
    assert L2SGD.from_config(optimizer.get_config()).get_config() == optimizer.get_config()
    assert optimizer.get_config()["l2"] == 0.01


@pytest.mark.slow
def test_sgd_decays_every_variable_and_adamw_only_kernels():
    # Without a gradient, only decay changes a weight: from 1 to 1 - rate * decay.
    for recipe, spares_flat in [("paper", False), ("strong", True)]:
        model = tiny()
        settings = config(recipe=recipe, epochs=2, backbone_lr=0.2, head_lr=0.8, weight_decay=0.5)
        optimizer = build_optimizer(model, settings, 1)
        variables = model.trainable_variables
        optimizer.build(variables)
        for variable in variables:
            variable.assign(keras.ops.ones(variable.shape))
        nothing = [keras.ops.zeros(v.shape) for v in variables]
        optimizer.apply(nothing)
        if recipe == "strong":  # its first step has rate 0, by the warm-up
            assert all(np.all(np.asarray(v) == 1) for v in variables)
            optimizer.apply(nothing)
        groups = parameter_groups(model)
        seen = set()
        for group, rate in [("backbone", 0.2), ("head", 0.8)]:
            for variable in groups[group]:
                kernel = variable.path.endswith("kernel")
                seen.add((group, kernel))
                decayed = 1.0 if spares_flat and not kernel else 1 - rate * 0.5
                np.testing.assert_allclose(
                    np.asarray(variable), decayed, rtol=1e-6, err_msg=f"{recipe} {variable.path}"
                )
        assert seen == {("backbone", True), ("backbone", False), ("head", True), ("head", False)}


def test_a_rate_of_zero_leaves_a_group_alone():
    model = tiny("none")
    settings = config(backbone_lr=0.0)
    optimizer = build_optimizer(model, settings, 1)
    variables = model.trainable_variables
    optimizer.build(variables)
    before = {v.path: np.asarray(v).copy() for v in variables}
    optimizer.apply([keras.ops.ones(v.shape) for v in variables])
    changed = {v.path for v in variables if not np.array_equal(before[v.path], np.asarray(v))}
    assert changed == by_group(model)["head"]


@pytest.mark.slow
def test_half_precision_trains_under_a_loss_scale():
    keras.utils.set_random_seed(0)
    with policy("float16"):
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.Conv2D(8, 3, strides=2)(inputs)
        model = build_classifier(3, keras.Model(inputs, features), image_size=8, reduction=1)
    assert model.get_layer("attention").compute_dtype == "float16"
    settings = config(recipe="paper", epochs=1)
    optimizer = build_optimizer(model, settings, 6)
    model.compile(optimizer, "categorical_crossentropy")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = {v.path: np.asarray(v).copy() for v in model.trainable_variables}
    images = np.random.default_rng(0).uniform(0, 1, (24, 8, 8, 3)).astype("float32")
    labels = np.eye(3, dtype="float32")[np.arange(24) % 3]
    loss = model.fit(images, labels, batch_size=4, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    for variable in model.trainable_variables:
        assert variable.dtype == "float32"
        assert np.isfinite(np.asarray(variable)).all(), variable.path
        assert not np.array_equal(before[variable.path], np.asarray(variable)), variable.path


def test_the_policy_of_a_model_is_put_back():
    before = keras.config.dtype_policy().name
    with pytest.raises(RuntimeError), policy("bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


def test_variables_that_share_a_path_are_refused():
    def conv(name):
        layer = keras.layers.Conv2D(4, 1)
        layer.name = name  # as in two backbones joined by hand
        return layer

    inputs = keras.Input((16, 16, 3))
    features = keras.Model(inputs, conv("one")(conv("two")(inputs)))
    model = build_classifier(3, features, "none", image_size=16)
    settings = config()
    kernels = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    kernels[0].kernel._path = kernels[1].kernel.path
    with pytest.raises(ValueError, match="same path"):
        build_optimizer(model, settings, 1)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["paper", "strong"])
def test_accumulated_parts_make_the_step_of_the_whole(recipe):
    weights = []
    for parts in (1, 2):
        keras.utils.set_random_seed(0)
        model = tiny()
        settings = config(recipe=recipe, accumulate=parts, backbone="tiny", weights="none")
        optimizer = build_optimizer(model, settings, 100_000)  # a rate that hardly moves
        rng = np.random.default_rng(0)
        for _ in range(3):
            halves = [
                [rng.normal(size=v.shape).astype("float32") for v in model.trainable_variables]
                for _ in range(2)
            ]
            whole = [(one + other) / 2 for one, other in zip(*halves, strict=True)]
            for gradients in halves if parts == 2 else [whole]:
                tensors = [keras.ops.convert_to_tensor(gradient) for gradient in gradients]
                optimizer.apply(tensors, model.trainable_variables)
        weights.append([np.asarray(v) for v in model.trainable_variables])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backbone", ["tiny", "mobilenet_v2"])
def test_every_trainable_variable_has_exactly_one_rate(backbone):
    model = build_classifier(3, backbone, "mixed", weights="none", image_size=32, pooling="avg")
    freeze_batch_norm(model)
    groups = rate_groups(model, layer_decay=0.5)
    ids = [id(v) for group in groups for v in group.variables]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(v) for v in model.trainable_variables}


def test_the_rate_decays_from_block_to_block_towards_the_image():
    model = tiny()
    settings = config(backbone_lr=0.8, head_lr=0.3, layer_decay=0.5, weight_decay=0.0)
    optimizer = build_optimizer(model, settings, 100_000)  # a rate that hardly moves
    before = [np.asarray(v) for v in model.trainable_variables]
    ones = [keras.ops.ones(v.shape) for v in model.trainable_variables]
    optimizer.apply(ones, model.trainable_variables)
    rates = {
        v.path.split("/")[0]: float(np.mean(was - np.asarray(v)))
        for v, was in zip(model.trainable_variables, before, strict=True)
    }
    expected = {"block4_conv2": 0.8, "block4_conv1": 0.4, "block1_conv1": 0.8 / 64, "logits": 0.3}
    assert {name: rates[name] for name in expected} == pytest.approx(expected, rel=1e-4)
