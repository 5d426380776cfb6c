"""Which launcher an AzureML job's compute name stands for, and what its resources come to there. Starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from azsweep_core._reading import nearest, shown
from azsweep_core.errors import Problem, SpecError
from azsweep_core.job_file import Job, read_job
from hydra_plugins.hydra_azsweep_sweeper._compute_table import (
    EXAMPLE,
    LAUNCHER,
    LEVELS,
    Entry,
    Spot,
    Table,
    user_file,
)
from hydra_plugins.hydra_azsweep_sweeper._job import named
from hydra_plugins.hydra_azsweep_sweeper._override_text import check_value, to_text
from hydra_plugins.hydra_azsweep_sweeper._settings import Jobs, jobs_of

__all__ = ["Compute", "on_compute"]

T = TypeVar("T")

_IDLE = ("instance_type", "max_instance_count", "shm_size", "docker_args", "locations", "properties")
"""Resources that no launcher has a word for."""
_REFUSALS = (HydraException, OmegaConfBaseException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """The config of a sweep with the launcher that its job's compute name stands for.

    Args:
        notes: for the log.
        problems: why the config is the one that was given.
    """

    config: DictConfig
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def judged_with(self, read: Callable[[], T]) -> T:
        """What `read` gives.

        Raises:
            SpecError: with its problems and those of the compute, if there are any.
        """
        try:
            given = read()
        except SpecError as error:
            raise SpecError([*self.problems, *error.problems]) from None
        if self.problems:
            raise SpecError(self.problems)
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a job says of where its trials run; None and empty for what it leaves open."""

    compute: str | None
    resources: Mapping[str, Any]
    queue: Mapping[str, Any]

    @classmethod
    def of(cls, job: Job) -> _Wish:
        trial = _mapping(job.trial)
        compute = job.raw.get("compute")
        if compute is None and job.name is not None:
            pipeline = job.file.content
            compute = _mapping(pipeline.get("settings")).get("default_compute") or pipeline.get("compute")
        return cls(
            compute=compute.removeprefix("azureml:").rpartition("/")[2] if isinstance(compute, str) else None,
            resources=_mapping(job.raw.get("resources")) or _mapping(trial.get("resources")),
            queue=_mapping(job.raw.get("queue_settings")) or _mapping(trial.get("queue_settings")),
        )

    @property
    def nodes(self) -> int:
        count = self.resources.get("instance_count")
        return int(count) if isinstance(count, (int, str)) and str(count).isdecimal() else 1

    @property
    def levels(self) -> dict[str, str | None]:
        """Of each queue setting; AzureML has null as a text, too."""
        given = {name: str(self.queue.get(name) or "null").lower() for name in LEVELS}
        return {name: None if level == "null" else level for name, level in given.items()}


def on_compute(loader: ConfigLoader, config: DictConfig) -> Compute:
    """The config with another launcher, if `hydra.sweeper.job` names a compute that the user's table knows.

    A launcher that the command line chooses stays.
    """
    try:
        job, own = _job(config), _plain(config, "compute")
    except (SpecError, OmegaConfBaseException):  # told by those who read the whole of it
        return Compute(config=config)
    if job is None:
        return Compute(config=config)
    try:
        return _mapped(loader, config, own, _Wish.of(job))
    except SpecError as error:
        return Compute(config=config, problems=error.problems)


def _job(config: DictConfig) -> Job | None:
    """The job that is to be run here."""
    setting = _plain(config, "job")
    return None if setting is None or config.hydra.sweeper.get("export") else read_job(*named(setting))


def _plain(config: DictConfig, name: str) -> Any:
    """A setting of the sweeper's, with its interpolations resolved."""
    value = config.hydra.sweeper.get(name)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _mapped(loader: ConfigLoader, config: DictConfig, own: Any, wish: _Wish) -> Compute:
    """The config that does what the job wishes, as far as table and launcher allow.

    Raises:
        SpecError: if the table cannot be read, or says what its launcher cannot do.
    """
    given, now = config, str(config.hydra.runtime.choices.get(LAUNCHER))
    entry, notes = _entry(given, own, wish)
    if entry.launcher is not None:
        config = _composed(loader, given, entry, ())
        unknown = [*_unknown_options(config, entry)]
        if unknown:
            raise SpecError(unknown)
    launcher = config.hydra.launcher
    if wish.nodes > 1 and jobs_of(launcher) is Jobs.SLURM and launcher.get("nodes") == 1:
        entry.options = {"nodes": wish.nodes, **entry.options}
    if entry.options:
        config = _composed(loader, given, entry, entry.options)
    if entry.options or entry.launcher not in (None, now):
        notes.append(f"job: trials run with {LAUNCHER}={entry.launcher or now}{_said(config, entry.options)}.")
    idle = [f"resources.{name}" for name in _IDLE if wish.resources.get(name)]
    idle += [f"queue_settings.{name}" for name in entry.unmet]
    if wish.nodes > 1 and "nodes" not in entry.options:
        idle.append("resources.instance_count")
    if idle:
        notes.append(f"job: {', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect here.")
    return Compute(config=config, notes=tuple(notes))


def _said(config: DictConfig, options: Iterable[str]) -> str:
    """What the launcher has for these options now: the command line may have another value for one."""
    plain: Any = OmegaConf.to_container(config.hydra.launcher, resolve=False)
    return "".join(f" {name}={to_text(plain[name])}" for name in options)


def _entry(config: DictConfig, own: Any, wish: _Wish) -> tuple[Entry, list[str]]:
    """What the table has for the job's compute; else no launcher, and a note on what to do."""
    nothing = Entry(unmet=[name for name, level in wish.levels.items() if level is not None])
    if wish.compute is None or _is_typed(config):
        return nothing, []
    table = Table.of(own)
    found = table.look_up(wish.compute, wish.levels)
    if found is not None:
        return found, []
    if wish.compute == "local":
        nothing.launcher = "basic" if jobs_of(config.hydra.launcher).is_shared else None
        return nothing, []
    known = f" (known: {', '.join(table.names)})" if table.names else ""
    now = config.hydra.runtime.choices.get(LAUNCHER)
    note = f"job: compute {wish.compute} stands for no launcher{known}, so trials run with {LAUNCHER}={now}."
    remedy = f"hydra.sweeper.compute.{wish.compute}={EXAMPLE}, or the same in {user_file()}."
    return nothing, [f"{note} To say for which one it stands: {remedy}"]


def _is_typed(config: DictConfig) -> bool:
    """Whether the command line chooses the launcher."""
    lines: Any = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    return any(each.key_or_group == LAUNCHER for each in OverridesParser.create().parse_overrides(lines))


def _unknown_options(config: DictConfig, entry: Entry) -> Iterator[Problem]:
    known = [str(name) for name in config.hydra.launcher if not str(name).startswith("_")]
    for name, value in entry.options.items():
        spot = entry.spots[name]
        if name not in known:
            yield spot.problem(f"{entry.launcher} has no such option", None, nearest(name, known))
        yield from (replace(each, place=spot.place) for each in check_value(value, spot.where))


def _composed(loader: ConfigLoader, config: DictConfig, entry: Entry, options: Iterable[str]) -> DictConfig:
    """The whole config anew, with this launcher and those of its options; what was typed wins.

    Raises:
        SpecError: if Hydra cannot compose it.
    """
    try:
        return _compose(loader, config, entry, options)
    except _REFUSALS as error:
        first = error
    wrong = []
    for name in options:  # one at a time, to find the one that does not fit
        try:
            _compose(loader, config, entry, [name])
        except _REFUSALS as error:
            spot = entry.spots.get(name, Spot(name))
            wrong.append(spot.problem(f"must fit the launcher ({_words(error)})", shown(entry.options[name])))
    spot, known = entry.spots.get(LAUNCHER, Spot(LAUNCHER)), loader.get_group_options(LAUNCHER)
    if entry.launcher is not None and entry.launcher not in known:
        wrong = [spot.problem("no such launcher is installed", entry.launcher, nearest(entry.launcher, known))]
    raise SpecError(wrong or [spot.problem(f"must fit the app's config ({_words(first)})", entry.launcher)])


def _compose(loader: ConfigLoader, config: DictConfig, entry: Entry, options: Iterable[str]) -> DictConfig:
    choice = [] if entry.launcher is None else [f"{LAUNCHER}={entry.launcher}"]
    wanted = [f"++hydra.launcher.{name}={to_text(entry.options[name])}" for name in options]
    typed: Any = OmegaConf.to_container(config.hydra.overrides, resolve=False)
    composed = loader.load_configuration(
        config_name=config.hydra.job.config_name,
        overrides=[*choice, *wanted, *typed["hydra"], *typed["task"]],
        run_mode=RunMode.MULTIRUN,
    )
    OmegaConf.copy_cache(from_config=config, to_config=composed)  # so that ${now:...} is still the same moment
    return composed


def _words(error: Exception) -> str:
    if isinstance(error.__cause__, OmegaConfBaseException):
        return str(error.__cause__).partition("\n")[0]
    return " ".join(line.strip() for line in str(error).splitlines())
