"""The cells of a grid as Slurm jobs, with submitit; without Slurm, as processes of this host."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fgmix.errors import FgmixError
from fgmix.grid.plan import Cell
from fgmix.grid.process import Train
from fgmix.grid.results import Write, write_together
from fgmix.grid.run import run_grid
from fgmix.grid.state import FINISHED, State, state
from fgmix.lazy import import_optional

log = logging.getLogger(__name__)

GROUP, LOCAL = "submitit", "local"
DEFAULTS: dict[str, Any] = {"timeout_min": 24 * 60, "cpus_per_task": 8, "gpus_per_node": 1}
"""What a job asks for if nothing else is given."""
TIMEOUTS = 1000
"""How often a job may reach its time limit: each time it is resumed exactly."""


class CellJob:
    """Trains one cell in a job. submitit pickles it, calls it there, and again after preemption.

    Args:
        cells: The grid.
        train: Trains one cell; a module-level function.
        write: Writes the results of the grid to a folder; a module-level function.
        output: That folder.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        train: Train,
        write: Write,
        output: Path,
    ):
        self.cells = list(cells)
        self.train = train
        self.write = write
        self.output = output

    def __call__(self, index: int) -> str:
        """Trains or resumes a cell, unless another process has it; returns its state."""

        def report(_: Mapping[Cell, State]) -> None:
            write_together(self.write, self.output, {cell: state(cell) for cell in self.cells})

        cell = self.cells[index]
        found = run_grid([cell], self.train, report, grid=self.output.name)[cell]
        return f"{found.status} {found.reason}".strip()

    def checkpoint(self, index: int) -> Any:
        """Returns the call to make when the job is run again: the run is saved by itself."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, index)


def submit(
    job: CellJob,
    states: Mapping[Cell, State],
    given: Mapping[str, Any],
    at_a_time: int | None,
) -> list[str]:
    """Submits a job for every cell that is not finished.

    Args:
        job: What the jobs do.
        states: The grid.
        given: Parameters of submitit's executor, which take precedence over `DEFAULTS`. With
            `cluster` `"local"` all jobs are processes of this host, at once.
        at_a_time: The most jobs to run at a time; None leaves it to Slurm.

    Returns:
        The jobs' numbers.

    Raises:
        FgmixError: If submitit is not installed, a parameter is unknown, or Slurm refuses.
    """
    submitit = import_optional("submitit", GROUP, "--launcher submitit")
    parameters = DEFAULTS | dict(given)
    cluster = parameters.pop("cluster", None)
    logs = job.output / "jobs"
    try:
        executor = submitit.AutoExecutor(logs, cluster, slurm_max_num_timeout=TIMEOUTS)
        if executor.cluster == LOCAL and cluster != LOCAL:
            raise FgmixError("there is no Slurm here: --jobs N trains cells side by side")
        if executor.cluster == LOCAL and "gpus_per_node" not in given:
            parameters["gpus_per_node"] = 0
        if at_a_time:
            parameters["slurm_array_parallelism"] = at_a_time
        executor.update_parameters(name=job.output.name, **parameters)
        left = [i for i, cell in enumerate(job.cells) if states[cell].status != FINISHED]
        jobs = executor.map_array(job, left) if left else []
    except Exception as error:  # submitit's own, and those of the commands that it calls
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FgmixError(f"--launcher submitit: {reason}") from error
    log.info("%d jobs submitted (%s); they print to %s", len(jobs), executor.cluster, logs)
    numbers = [str(one.job_id) for one in jobs]
    if executor.cluster != LOCAL:
        whole = dict.fromkeys(number.partition("_")[0] for number in numbers)
        log.info("to cancel them: scancel %s", shlex.join(whole))
    return numbers
