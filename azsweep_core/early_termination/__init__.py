"""Early termination policies, AzureML's and asha: each decides which running trials stop, and says why."""

from azsweep_core.early_termination._asha import AshaPolicy
from azsweep_core.early_termination._bandit import BanditPolicy
from azsweep_core.early_termination._base import Decision, Policy
from azsweep_core.early_termination._doubts import why_nothing_stops
from azsweep_core.early_termination._median_stopping import MedianStoppingPolicy
from azsweep_core.early_termination._periodic import PeriodicPolicy
from azsweep_core.early_termination._reading import read_policy
from azsweep_core.early_termination._truncation_selection import TruncationSelectionPolicy

__all__ = [
    "AshaPolicy",
    "BanditPolicy",
    "Decision",
    "MedianStoppingPolicy",
    "PeriodicPolicy",
    "Policy",
    "TruncationSelectionPolicy",
    "read_policy",
    "why_nothing_stops",
]
