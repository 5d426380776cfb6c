"""Where we and AzureML's client refuse different files: any other file is refused by both, or by neither.

The page docs/azureml-parity.md has the same table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from azsweep_core.errors import Problem

HERE, AZUREML = "here", "AzureML"


@dataclass(frozen=True)
class Difference:
    """Files that one side alone refuses.

    Args:
        what: these files have in common, as the page says it.
        stricter: the side that refuses them.
        pattern: matches what we tell of it, "where: rule".
        example: a mutation, by its name, which must show the difference.
        why: as the page says it.
    """

    what: str
    stricter: str
    pattern: str
    example: str
    why: str

    def explains(self, problem: Problem) -> bool:
        """Whether it is the reason why one side alone has this problem."""
        return re.search(self.pattern, f"{problem.where}: {problem.rule}") is not None


_SERVICE = "the client lets it pass, the service does not"
_V1 = "the client lets it pass, AzureML's SDK v1 did not"

DIFFERENCES = (
    Difference(
        "`min_value` above `max_value`, or equal to it for `uniform` and `quniform`",
        HERE,
        r"search_space\..*: q?(log)?uniform needs min_value <=? max_value$",
        "search_space.<uniform>.max_value = -1",
        _V1,
    ),
    Difference(
        "`sigma` below 0, `q` or `upper` not above 0",
        HERE,
        r"search_space\..*: \w+ needs (sigma >= 0|q > 0|upper > 0)$",
        "search_space.<randint>.upper = 0",
        _V1,
    ),
    Difference(
        "a `choice` without values, a search space without parameters",
        HERE,
        r"search_space.*: (choice needs (values|at least one value)|must hold at least one parameter)",
        "search_space.<choice>.values = []",
        _V1,
    ),
    Difference(
        "`grid` with anything but choices",
        HERE,
        r"search_space\..*: grid takes choice only$",
        "sampling_algorithm<bayesian>.type is grid",
        _SERVICE,
    ),
    Difference(
        "an expression whose values are no numbers of a computer's: infinite, or too large for their `q`",
        HERE,
        r"search_space\..*: \w+ (must give finite numbers|needs a larger q)",
        "search_space.<loguniform>.max_value = huge",
        "there is nothing to draw",
    ),
    Difference(
        "`logbase` that is no base of logarithms",
        HERE,
        r"sampling_algorithm\.logbase: must be (a positive number or e|greater than 0 and not 1)",
        "sampling_algorithm<random>.logbase = 1",
        "the client takes any number and any text",
    ),
    Difference(
        "a whole number that is written with a fraction, such as `max_total_trials: 2.5`",
        HERE,
        r": must be a whole number",
        "limits.max_total_trials = 2.5",
        "the client cuts the fraction off; nobody's number is changed here",
    ),
    Difference(
        "`max_total_trials` or `max_concurrent_trials` below 1",
        HERE,
        r"limits\.max_\w+_trials: must be at least 1$",
        "limits.max_total_trials = 0",
        _SERVICE,
    ),
    Difference(
        "`timeout` or `trial_timeout` not above 0",
        HERE,
        r"limits\.(trial_)?timeout: must be greater than 0 seconds$",
        "limits.timeout = 0",
        "the client leaves a 0 out and makes 60 of what is negative",
    ),
    Difference(
        "no slack, both slacks, or a negative one in a `bandit`",
        HERE,
        r"early_termination(: bandit needs exactly one|\.slack_\w+: must be at least 0)",
        "early_termination<bandit>.slack_factor absent",
        _V1,
    ),
    Difference(
        "`truncation_percentage` outside of 1 to 99",
        HERE,
        r"early_termination\.truncation_percentage: must be between 1 and 99$",
        "early_termination<truncation_selection>.truncation_percentage = 0",
        _V1,
    ),
    Difference(
        "`evaluation_interval` or `delay_evaluation` below 0",
        HERE,
        r"early_termination\.(evaluation_interval|delay_evaluation): must be at least 0$",
        "early_termination<bandit>.delay_evaluation = -1",
        "they count reports",
    ),
    Difference(
        "a `primary_metric` without a name",
        HERE,
        r"objective\.primary_metric: must name the metric",
        "objective.primary_metric = ''",
        "no task can log it",
    ),
    Difference(
        "placeholders that nothing gives a value: `search_space.x`, `outputs.x`, or written with spaces",
        HERE,
        r"trial\.command: unknown placeholder$",
        "trial.command is t ${{outputs.none}}",
        "the client looks at `${{inputs.x}}` alone",
    ),
    Difference(
        "an environment whose `image` is an empty text",
        HERE,
        r"trial\.environment: needs one of image and build$",
        "trial.environment.image = ''",
        "there is no such image",
    ),
    Difference(
        "`conda_file` that is 0 or an empty list",
        HERE,
        r"trial\.environment\.conda_file: must be text",
        "trial.environment.conda_file = []",
        "the client takes it for none",
    ),
    Difference(
        "in a pipeline: a number or a choice among words that is bound to the pipeline's, as `${{parent.inputs.n}}`",
        HERE,
        r"^jobs\..*: must be (a (finite|whole) number|a mapping with a type|one of |minimize or maximize)",
        "jobs.<sweep>.limits.max_total_trials = bound",
        "it has a value only when AzureML runs the pipeline",
    ),
    Difference(
        "in a pipeline: names of parameters and inputs with other characters than letters, digits and underscores",
        HERE,
        r"^jobs\..*: names are made of letters, digits and underscores$",
        "jobs.<sweep>.search_space.<loguniform> key with a dash",
        "the client asks for them when the pipeline is submitted",
    ),
    Difference(
        "in a pipeline: no `search_space`, or a `timeout` beyond three million years",
        HERE,
        r"^jobs\..*: (is required|must be a time that ends)$",
        "jobs.<sweep>.search_space absent",
        "the client fails when the pipeline is submitted",
    ),
    Difference(
        "`exclude_finished_jobs` in a `truncation_selection`",
        AZUREML,
        r"early_termination\.exclude_finished_jobs: AzureML's client does not know it",
        "early_termination<truncation_selection> exclude_finished_jobs added",
        "AzureML's documents and its service know it, its client does not",
    ),
    Difference(
        "a file as `environment` without `file:` before it",
        AZUREML,
        r"trial\.environment: AzureML's client wants file: before the name of a file$",
        "trial.environment = ./word.yml",
        "it is plain what is meant, and the environment is not made here",
    ),
    Difference(
        "an optional part `$[[...]]` of a command with other characters than letters, digits, dots and dashes, as in "
        "`$[[seed=${{inputs.seed}}]]`, whose input is not there",
        AZUREML,
        r"trial\.command: AzureML's client requires the input of an optional part",
        "trial.command is t $[[a=${{inputs.none}}]]",
        "the client overlooks that it is optional; Hydra's overrides cannot be written otherwise",
    ),
)
