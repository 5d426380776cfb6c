"""Early termination policies with AzureML's names: each decides which running trials stop, and says why."""

from azsweep_core.early_termination._bandit import BanditPolicy
from azsweep_core.early_termination._base import Decision, Policy
from azsweep_core.early_termination._median_stopping import MedianStoppingPolicy
from azsweep_core.early_termination._reading import read_policy
from azsweep_core.early_termination._truncation_selection import TruncationSelectionPolicy

__all__ = [
    "BanditPolicy",
    "Decision",
    "MedianStoppingPolicy",
    "Policy",
    "TruncationSelectionPolicy",
    "read_policy",
]
