"""Contenders in separate processes, so that each library has its own threads and memory.

`Worker("benchmarks.lib.train_steps:torch_step", settings)` starts a process that imports the
module, calls `torch_step(**settings)` and keeps the measuring function that this returns. Each call
of the worker makes the process measure and returns the result. Between calls the process waits and
uses only memory. `measure_apart` is for single measurements.
"""

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from benchmarks.lib.paths import ROOT

ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)]).lstrip(os.pathsep),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
WITHOUT = "BENCHMARKS_WITHOUT"
"""A variable of a worker's environment: modules that it can't import, as if not installed."""


class Worker:
    """A process that measures on request.

    Attributes:
        about: What the function returned about the contender, beside the measuring function.
    """

    def __init__(
        self,
        function: str,
        settings: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
    ):
        self.function = function
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.lib.workers", function, json.dumps(settings)],
            env={**os.environ, **ENVIRONMENT, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._answer()

    def __call__(self) -> dict[str, Any]:
        """Measures once in the process.

        Raises:
            SystemExit: If the process has ended; its standard error says why.
        """
        with suppress(BrokenPipeError):  # `_answer` says that the process has ended
            print("measure", file=self._process.stdin, flush=True)
        return self._answer()

    def kill(self) -> None:
        """Ends the process at once: who waits for its answer gets SystemExit."""
        self._process.kill()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.function} ended with code {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def started(contenders: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Worker]]:
    """Yields workers by name, made one after another; all end with the block."""
    with ExitStack() as running:
        yield {name: running.enter_context(Worker(*it)) for name, it in contenders.items()}


@contextmanager
def started_together(
    contenders: Mapping[str, tuple[Any, ...]], seconds: float
) -> Iterator[dict[str, Worker]]:
    """Yields workers by name, made at the same time; all end with the block.

    Args:
        contenders: The arguments of each worker.
        seconds: The time after which those that were made are killed, as if they had failed.

    Raises:
        SystemExit: If one could not be made.
    """
    with ExitStack() as running, ThreadPoolExecutor() as pool:
        making = {name: pool.submit(Worker, *it) for name, it in contenders.items()}
        made = [found.result() for found in making.values() if found.exception() is None]
        for worker in made:
            running.enter_context(worker)
        watch = threading.Timer(seconds, lambda: [worker.kill() for worker in made])
        running.callback(watch.cancel)
        watch.start()
        yield {name: found.result() for name, found in making.items()}


def measure_apart(
    function: str, settings: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Calls a function once in a separate process, and returns its result, a dict."""
    with Worker(function, settings, environment) as worker:
        return worker.about


def main() -> None:
    """Runs the process: sets up, sends the description, and measures once per line of input."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps what libraries print out of the results
    sys.modules.update(dict.fromkeys(os.environ.get(WITHOUT, "").split()))
    module, _, function = sys.argv[1].partition(":")
    answer = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    about, measure = answer if isinstance(answer, tuple) else (answer, None)
    print(json.dumps(about), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


if __name__ == "__main__":
    main()
