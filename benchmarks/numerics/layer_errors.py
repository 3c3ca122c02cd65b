"""The errors of the attention layers against the papers' equations in NumPy, in float32.

    python -m benchmarks.numerics.layer_errors
    KERAS_BACKEND=jax python -m benchmarks.numerics.layer_errors --variant jax

Features, as after a ReLU, and weights are drawn for every seed. The reference computes in
float64 and shares nothing with fgmix. On JAX, products are in full float32 unless
JAX_DEFAULT_MATMUL_PRECISION is set: by default a GPU rounds their factors to 11 bits.
"""

import os

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.peers import numpy_layers

SIZES = [(2, 5, 4, 24), (2, 7, 7, 512), (1, 7, 7, 1280), (1, 7, 7, 2048), (1, 14, 14, 2048)]
PRECISION = "JAX_DEFAULT_MATMUL_PRECISION"


def measure(name: str, shape: tuple[int, ...], seeds: int) -> dict[str, object]:
    """Returns the largest error of a layer on features of one shape, over all seeds."""
    import keras

    from fgmix.models.attention import ATTENTIONS

    kind, _, gate = name.partition("-")
    errors, largest = [], 0.0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        u = rng.uniform(0, 2, shape).astype("float32")
        layer = ATTENTIONS[kind](16, gate or "linear")
        layer.build(u.shape)
        layer.set_weights([draw(rng, w.shape) for w in layer.weights])
        expected = numpy_layers.output_of(name, layer, u)
        errors.append(float(np.abs(keras.ops.convert_to_numpy(layer(u)) - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    return {"layer": name, "shape": shape, "max_abs_error": max(errors), "largest": largest}


def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a kernel that keeps its input's scale, or biases."""
    scale = 0.1 if len(shape) == 1 else np.prod(shape[:-1]) ** -0.5
    return rng.normal(0, scale, shape).astype("float32")


def table(record: Record) -> str:
    """Returns the table of the largest error of each layer, one column per size."""
    shapes = [list(shape) for shape in record["shapes"]]
    rows = []
    for name in dict.fromkeys(row["layer"] for row in record["rows"]):
        own = {str(r["shape"]): r for r in record["rows"] if r["layer"] == name}
        rows.append([f"`{name}`", *(f"{own[str(s)]['max_abs_error']:.1e}" for s in shapes)])
    head = ["layer", *(" x ".join(map(str, shape)) for shape in shapes)]
    return markdown(head, rows) + (
        f"\nLargest absolute error of {record['seeds']} draws, {record['backend']} backend on "
        f"{record['device']}.\n"
    )


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    os.environ.setdefault(PRECISION, "highest")
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        from fgmix.backend import import_tensorflow

        import_tensorflow()
    import keras

    from fgmix.layers import GATES

    backend = keras.backend.backend()
    names = ["channel", *(f"{kind}-{gate}" for kind in ("spatial", "mixed") for gate in GATES)]
    names += ["conv", "cbam"]
    record = {
        **circumstances(args.note, backend, "keras", "numpy"),
        "backend": backend,
        "device": device(backend),
        "matmul_precision": os.environ[PRECISION] if backend == "jax" else None,
        "seeds": args.seeds,
        "shapes": SIZES,
        "rows": [measure(name, list(s), args.seeds) for name in names for s in SIZES],
    }
    write("layer_errors", record, args.output, args.variant)
    print(table(record))


def device(backend: str) -> str:
    """Returns the device that Keras computes on."""
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    import tensorflow as tf

    return "a GPU" if tf.config.list_physical_devices("GPU") else "a CPU"


if __name__ == "__main__":
    main()
