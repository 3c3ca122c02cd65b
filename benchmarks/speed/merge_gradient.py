"""The time of a training step of the merge `F_merge`, as a convolution and as a matrix product.

    python -m benchmarks.speed.merge_gradient

Both have the same kernel and give the same output; a step is the forward pass and the gradients of
kernel and input, compiled, in turns in one process.
"""

import argparse
from typing import Any

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.rounds import ratios, show, spread, take_turns, timed


def measure(args: argparse.Namespace, side: int) -> dict[str, Any]:
    """Times both for maps of `side x side` positions."""
    import keras
    import tensorflow as tf

    from fgmix.layers.merge import PointwiseConvolution

    shape = (args.batch, side, side, 2 * args.channels)
    maps = tf.random.stateless_normal(shape, (0, 1))
    contenders = {
        "convolution": keras.layers.Conv2D(args.channels, 1),
        "product": PointwiseConvolution(args.channels),
    }
    for layer in contenders.values():
        layer.build(shape)

    def step(layer: keras.Layer) -> Any:
        def gradients() -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(maps)
                loss = tf.reduce_sum(tf.square(layer(maps)))
            found: list[tf.Tensor] = tape.gradient(loss, [layer.kernel.value, maps])
            return found

        return timed(tf.function(gradients, autograph=False))

    steps = {name: step(layer) for name, layer in contenders.items()}
    seconds = take_turns(steps, args.rounds)
    return {
        "side": side,
        "seconds": seconds,
        "ratio": ratios(seconds["convolution"], seconds["product"]),
    }


def table(record: Record) -> str:
    """Returns the table of seconds a step and their ratio."""
    rows = [
        [
            f"{row['side']} x {row['side']}",
            *(show(spread(row["seconds"][name])) for name in ("convolution", "product")),
            f"{row['ratio']['median']:.1f}",
        ]
        for row in record["rows"]
    ]
    head = ["positions", "convolution, s", "product, s", "ratio"]
    return markdown(head, rows) + (
        f"\n{2 * record['channels']} to {record['channels']} channels, batch {record['batch']}; "
        f"median (least to most) of {record['rounds']} rounds.\n"
    )


def main() -> None:
    """Measures maps of 1 x 1 and 7 x 7 positions, prints the table and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--channels", type=int, default=1280, help="as MobileNetV2 gives")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--sides", type=int, nargs="+", default=[1, 7])
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    record = {
        **circumstances(args.note, "tensorflow", "keras"),
        **{name: getattr(args, name) for name in ("channels", "batch", "rounds")},
        "rows": [measure(args, side) for side in args.sides],
    }
    print(table(record))
    write("merge_gradient", record, args.output)


if __name__ == "__main__":
    main()
