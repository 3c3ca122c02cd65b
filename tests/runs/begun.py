"""What the tests of a run's folder share."""

from fgmix.config.train_config import TrainConfig


def config(directory, **settings):
    """A resolved config of a run in this folder."""
    return TrainConfig(dataset="photos", run_dir=str(directory), **settings).resolve()


def one_line(caught):
    """The message of a caught error, which must be a single line."""
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message
