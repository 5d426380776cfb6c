"""The benchmark's page: a table a set and mode, where we do not win, and the figures of every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks._sampler_quality.contenders import CONTENDERS
from benchmarks._sampler_quality.runs import MODES, SETS, Run
from benchmarks._sampler_quality.statistics import Comparison, Field, compare, losses
from benchmarks._table import machine, table

__all__ = ["page"]

REFERENCE = "optuna5"
_RANDOM = "random"
_OURS = ("tpe", "mixed")
_CHECKPOINTS = (25, 50, 100)
_NOTE = (
    "Regret is (f - f*) / (median of random draws - f*) of the trial observed best so far, scored by its true mean; "
    "means over tasks and seeds. Rank: by a task's mean at the end, mean over tasks. To random's: trials to come as "
    "low as random does at the end, medians. Wilcoxon's p and wins are against Optuna 5.0's TPE at the end, over task "
    "and seed, and over tasks; the interval is the bootstrap's, over tasks, for the mean difference: negative is "
    "better. Pairs of task and seed are not independent: p over tasks and the interval are the honest ones. ms: CPU "
    "time of the sampler for a trial's ask and tell."
)


def page(runs: Sequence[Run]) -> str:
    """Everything, as Markdown."""
    parts = []
    fields = {(name, mode): _field(runs, tasks, mode) for name, tasks in SETS.items() for mode in MODES}
    fields = {key: field for key, field in fields.items() if field.tasks}
    for number, ((name, mode), field) in enumerate(fields.items(), 1):
        parts.append(_comparison(name, mode, field, _NOTE if number == 1 else ""))
    parts += [_not_won(fields), *(_by_task(mode, fields) for mode in MODES), machine()]
    return "\n\n".join(part for part in parts if part)


def _field(runs: Sequence[Run], tasks: Sequence[str], mode: str) -> Field:
    order = {name: index for index, name in enumerate((*CONTENDERS, *tasks))}
    mine = [run for run in runs if run.job.mode == mode and run.job.task in tasks]
    return Field(sorted(mine, key=lambda run: (order[run.job.contender], order[run.job.task], run.job.seed)))


def _comparison(name: str, mode: str, field: Field, note: str) -> str:
    columns = [
        "sampler", *(f"@{count}" for count in _CHECKPOINTS), "median", "rank", "to random's",
        "p runs", "p tasks", "won", "95 % interval", "ms",
    ]  # fmt: skip
    found = compare(field, _CHECKPOINTS, REFERENCE, _RANDOM)
    rows = [[CONTENDERS[who].title, *_cells(each, len(field.tasks))] for who, each in found.items()]
    seeds = {len(seeds) for seeds in field.seeds.values()}
    few, many = min(seeds), max(seeds)
    title = f"{name.capitalize()}, {mode}: {len(field.tasks)} tasks, {few if few == many else f'{few}-{many}'} seeds"
    return table(title, columns, rows, note).rstrip()


def _cells(found: Comparison, tasks: int) -> list[str]:
    interval = found.interval
    return [
        *(f"{mean:.4f}" for mean in found.means),
        f"{found.median:.4f}",
        f"{found.rank:.2f}",
        "" if found.trials is None else f"{found.trials:.0f}",
        _p(found.p_runs),
        _p(found.p_tasks),
        "" if found.wins is None else f"{found.wins}/{tasks}",
        "" if interval is None else f"{interval[0]:+.4f} {interval[1]:+.4f}",
        f"{found.cpu_ms:.1f}",
    ]


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return f"{p:.0e}" if p < 0.001 else f"{p:.3f}"


def _not_won(fields: Mapping[tuple[str, str], Field]) -> str:
    rows = [
        [CONTENDERS[who].title, mode, loss.task, f"{loss.mine:.4f}", f"{loss.reference:.4f}", _p(loss.p)]
        for who in _OURS
        for (_, mode), field in fields.items()
        if {who, REFERENCE} <= set(field.contenders)
        for loss in losses(field, who, REFERENCE)
    ]
    columns = ["sampler", "mode", "task", "ours @100", "Optuna 5.0's", "p seeds"]
    note = "Every task on which one of ours ends with a higher mean regret than Optuna 5.0's TPE; p over its seeds."
    return table("Where we do not win", columns, rows, note) if rows else ""


def _by_task(mode: str, fields: Mapping[tuple[str, str], Field]) -> str:
    """Mean regrets at the end; the least of each row stands out."""
    mine = [field for (_, its), field in fields.items() if its == mode]
    contenders = [who for who in CONTENDERS if any(who in field.contenders for field in mine)]
    rows = []
    for field in mine:
        for task in field.tasks:
            means = {who: float(field.final(who, task).mean()) for who in contenders if who in field.contenders}
            least = min(means.values())
            rows.append([task, *(_mean(means.get(who), least) for who in contenders)])
    columns = ["task", *(CONTENDERS[who].title.strip("*") for who in contenders)]
    return table(f"Mean regret @100 by task, {mode}", columns, rows, "").rstrip() if rows else ""


def _mean(mean: float | None, least: float) -> str:
    if mean is None:
        return ""
    return f"**{mean:.4f}**" if mean == least else f"{mean:.4f}"
