"""What a SavedModel holds."""

from pathlib import Path


def exported_values(version: Path) -> list[bytes]:
    """Returns the variables and constants of a SavedModel, seeds among them, in a fixed order.

    Args:
        version: The version folder.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    content = (version / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    values = [
        node.attr["value"].tensor.SerializeToString(deterministic=True)
        for function in graph.graph_def.library.function
        for node in function.node_def
        if node.op == "Const"
    ]
    if (version / "variables" / "variables.index").exists():
        reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
        names = [name for name in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in name]
        values += [reader.get_tensor(name).tobytes() for name in names]
    return sorted(values)
