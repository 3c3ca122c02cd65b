"""Joins the other processes of a run, at an address or by a scheduler.

`keras.distribution.initialize` joins them. It waits for minutes or ends the process without a
message if an address can't be used, so that is checked here first.
"""

import atexit
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import AUTO
from fgmix.errors import FgmixError
from fgmix.training.interrupts import Interrupted

PATIENCE = 60.0
"""Seconds that a process waits for process 0 to listen."""

LOST = (
    "another process of this run has stopped or can't be reached any more: see its output, then "
    "start all of them again with --resume"
)
SIGNS = ("Gloo", "Connection closed by peer", "coordination service", "NCCL", "Connection reset")
"""Parts of the error messages that are raised if another process is gone."""


@contextmanager
def joined(config: TrainConfig) -> Iterator[None]:
    """Joins the run's other processes within the context.

    Args:
        config: A resolved config with a coordinator.

    Raises:
        FgmixError: If the backend is not JAX, the address is invalid, or no process listens there.
    """
    if keras.backend.backend() != "jax":
        raise FgmixError("--coordinator needs Keras's JAX backend: set KERAS_BACKEND=jax")
    import jax

    if config.coordinator == AUTO:
        join_as_scheduled()
    else:
        _join_at(config)
    try:
        yield
    except BaseException as error:
        _leave_at_exit(error)
        raise
    jax.distributed.shutdown()


def _leave_at_exit(error: BaseException) -> None:
    """Makes the process exit without JAX's shutdown, which would wait minutes for the others.

    The others may be waiting for this process, and notice at once when it has exited.
    """
    codes = {Interrupted: 128 + getattr(error, "number", 0), FgmixError: 2, BaseException: 1}
    code = next(code for kind, code in codes.items() if isinstance(error, kind))

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(leave)  # registered last, so called first


def join_as_scheduled() -> None:
    """Joins the processes that Slurm or Open MPI started.

    Raises:
        FgmixError: If neither started this process.
    """
    try:
        keras.distribution.initialize()
    except ValueError as error:
        raise FgmixError(
            "--coordinator auto: this process was started by neither Slurm nor Open MPI; start it "
            "with srun or mpirun, or give --coordinator HOST:PORT, --processes and --process"
        ) from error


def _join_at(config: TrainConfig) -> None:
    address, processes, process = config.coordinator, config.processes, config.process
    assert address is not None and processes is not None and process is not None
    host, port = split_address(address)
    if process == 0:
        refuse_taken_port(address, port)
    else:
        wait_for_listener(address, host, port)
    try:
        keras.distribution.initialize(address, processes, process)
    except RuntimeError as error:
        raise FgmixError(
            f"can't join the processes at --coordinator {address}: {str(error).splitlines()[0]}"
        ) from error


def split_address(address: str) -> tuple[str, int]:
    """Returns host and port of `HOST:PORT`.

    Raises:
        FgmixError: If the address has another form.

    Example:
        >>> split_address("node7:1234")
        ('node7', 1234)
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise FgmixError(
            f"--coordinator {address}: must be HOST:PORT, a host and a free port of process 0, or "
            f"auto"
        )
    return host.strip("[]"), int(port)


def refuse_taken_port(address: str, port: int) -> None:
    """Checks that process 0 can listen at a port.

    Args:
        address: The value of `--coordinator`, for the message.
        port: The port.

    Raises:
        FgmixError: If it can't.
    """
    with socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
        except OSError as error:
            raise FgmixError(
                f"--coordinator {address}: process 0 can't listen there ({error.strerror}); choose "
                f"another port, the same for all"
            ) from error


def wait_for_listener(address: str, host: str, port: int) -> None:
    """Waits until process 0 listens, for `PATIENCE` seconds at most.

    Args:
        address: The value of `--coordinator`, for the message.
        host: Its host.
        port: Its port.

    Raises:
        FgmixError: If there is no such host, or nobody listens in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((host, port), timeout=5):
                return
        except socket.gaierror as error:
            raise FgmixError(
                f"--coordinator {address}: there is no host {host}: give the host of process 0"
            ) from error
        except OSError as error:
            if time.monotonic() >= deadline:
                raise FgmixError(
                    f"--coordinator {address}: no process listens there "
                    f"({error.strerror or error}): start process 0, and give its address to all"
                ) from error
            time.sleep(0.5)


def peer_lost(error: BaseException, several: bool) -> bool:
    """Returns whether an error means that another process of the run is gone.

    Args:
        error: The error.
        several: Whether the run has several processes.
    """
    return several and any(sign in str(error) for sign in SIGNS)
