"""Python with TensorFlow or JAX imported already: processes that are forked instead of started.

TensorFlow's import takes seconds, in which nothing is tested. The first call of `forked` for a kind
of process starts a server, which imports what that kind needs, creates no tensor and starts no
thread. A command of `forked` asks it for a fork that has the command's standard streams, arguments,
environment and folder, passes signals on to it, and ends as the fork ends.

All forks order their sets alike. Where that may matter, or the start itself is tested, use
`sys.executable`.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = {
    "tensorflow": "import fgmix.workflows.train_and_evaluate, fgmix.cli.train",
    "jax": "import jax, fgmix.workflows.train_and_evaluate, fgmix.cli.train",
    "jax alone": """
sys.modules["tensorflow"] = None
import jax, keras
try:
    import keras_hub
except ImportError:
    pass
""",
}
"""Keras's backend, whether TensorFlow can be imported beside JAX, and what is imported."""


def forked(kind: str = "tensorflow") -> list[str]:
    """Returns what a command has in place of `sys.executable`.

    `-c CODE`, `-m MODULE` or a script and their arguments may follow.

    Args:
        kind: A key of `KINDS`.
    """
    return [sys.executable, "-I", "-S", __file__, _server(kind)]


@functools.cache
def _server(kind: str) -> str:
    """Starts a server, which ends with this process, and returns its address."""
    path = f"{tempfile.mkdtemp(prefix='fgmix-')}/socket"
    names = {"KERAS_BACKEND": kind.split()[0], "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from tests import forked; forked.serve()", path, kind],
        cwd=ROOT,
        env={**os.environ, **names},
        stdin=subprocess.PIPE,  # closed when this process ends, however it ends
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    atexit.register(process.wait)
    atexit.register(process.stdin.close)  # called before
    return path


def serve() -> None:
    """Forks until standard input is closed."""
    path, kind = sys.argv[1:]
    exec(KINDS[kind], {"sys": sys})
    gc.collect()
    gc.freeze()  # what a fork does not collect, it does not copy
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        os.write(1, b"ready\n")
        while 0 not in select.select([0, door], [], [])[0]:
            client, _ = door.accept()
            if os.fork():
                client.close()
                continue
            door.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(client)
    Path(path).unlink()
    Path(path).parent.rmdir()


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(client: socket.socket) -> None:
    """Runs what a client asks for in a fork, and tells it the fork's number and exit status."""
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    with client.makefile() as lines:
        asked = json.loads(lines.readline())
    process = os.fork()
    if process:
        for stream in streams:
            os.close(stream)
        with contextlib.suppress(BrokenPipeError):
            client.sendall(f"{process}\n".encode())
        end = os.pidfd_open(process)
        if end not in select.select([client, end], [], [])[0]:  # the client was killed
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(BrokenPipeError):
            client.sendall(f"{status}\n".encode())
        os._exit(0)
    client.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # The server's own know whether other files could be rewound.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    backend = os.environ["KERAS_BACKEND"]
    os.environ.clear()
    os.environ.update(asked["environment"], KERAS_BACKEND=backend)
    os.chdir(asked["cwd"])
    sys.modules["numpy"].random.seed()  # as Python's own generator does at a fork
    os._exit(_exit_code(lambda: _run(*asked["argv"])))


def _exit_code(run: Callable[[], None]) -> int:
    """Runs something to its end, as far as Python's own end can be seen from outside."""
    code = 0
    try:
        run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return code


def _run(first: str, *arguments: str) -> None:
    """Runs `-c CODE`, `-m MODULE` or a script, as Python does."""
    if first == "-c":
        code, *arguments = arguments
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    elif first == "-m":
        module, *arguments = arguments
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *arguments]
        sys.path[0] = str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def _ask(path: str, *argv: str) -> None:
    """Asks a server for a process, passes signals on to it, and ends as it does."""
    passed = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, passed)
    asked = {"argv": argv, "cwd": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [b" "], [0, 1, 2])
        server.sendall(f"{json.dumps(asked)}\n".encode())
        with server.makefile() as answers:
            process = int(answers.readline())
            for number in passed:
                signal.signal(number, lambda number, _: os.kill(process, number))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, passed)
            code = os.waitstatus_to_exitcode(int(answers.readline()))
    if code >= 0:
        os._exit(code)
    if code != -signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


if __name__ == "__main__":
    _ask(*sys.argv[1:])
