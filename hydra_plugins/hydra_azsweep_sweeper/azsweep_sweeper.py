"""The sweeper Hydra instantiates: a thin shell that imports everything else only when a sweep starts."""

from typing import Any, List, Optional  # noqa: UP035 - Hydra's own signature

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.hydra_azsweep_sweeper import _grammar

_grammar.install()


class AzsweepSweeper(Sweeper):
    """Runs the sweep that `hydra.sweeper` and the command line describe.

    The settings themselves are read from the composed config, where interpolations can be resolved and what the
    command line said can be told from what a file said.
    """

    def __init__(self, **_settings: Any) -> None:
        super().__init__()
        self.hydra_context: Optional[HydraContext] = None  # noqa: UP045
        self.task_function: Optional[TaskFunction] = None  # noqa: UP045
        self.config: Optional[DictConfig] = None  # noqa: UP045

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: List[str]) -> Any:  # noqa: UP006
        """Run the sweep to its end.

        Returns:
            The SweepResult.
        Raises:
            CompactHydraException: with every problem found, before anything starts; or if no trial has a value.
            SystemExit: with 130 if the user stopped the sweep.
        """
        from hydra_plugins.hydra_azsweep_sweeper._run import run

        if self.hydra_context is None or self.task_function is None or self.config is None:
            raise RuntimeError("setup() comes before sweep()")
        return run(self.hydra_context, self.task_function, self.config, arguments)
