"""Contenders in processes of their own: each library has its threads and its memory to itself.

`Worker("benchmarks.lib.train_steps:torch_step", settings)` starts a process that imports the
module, calls `torch_step(**settings)` and keeps the measuring function that this returns. Each call
of the worker has the process measure and returns what it found. Between calls the process waits and
takes nothing of the machine but memory. `measure_apart` is for what is measured once.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.lib.paths import ROOT

ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)]).lstrip(os.pathsep),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Worker:
    """A process that measures when it is asked to.

    Attributes:
        about: What the function said of the contender: what it returned beside the function.
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
        """Has the process measure once.

        Raises:
            SystemExit: If it has ended; what it said is above on standard error.
        """
        print("measure", file=self._process.stdin, flush=True)
        return self._answer()

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
    """Workers by name, made one after another of what `Worker` takes; all end with the block."""
    with ExitStack() as running:
        yield {name: running.enter_context(Worker(*it)) for name, it in contenders.items()}


def measure_apart(
    function: str, settings: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Calls a function once in a process of its own, and returns the dict that it returns."""
    with Worker(function, settings, environment) as worker:
        return worker.about


def main() -> None:
    """The process: sets up, answers with what there is to say of it, measures once a line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    module, _, function = sys.argv[1].partition(":")
    answer = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    about, measure = answer if isinstance(answer, tuple) else (answer, None)
    print(json.dumps(about), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


if __name__ == "__main__":
    main()
