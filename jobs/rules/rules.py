"""Every rule, in the order of `/rft status`."""

from jobs.rules.alert import Rule
from jobs.rules.balance import Lopsided
from jobs.rules.collapse import Collapse
from jobs.rules.grading import GraderBugs, ParseErrors, ProviderErrors
from jobs.rules.hacking import ComponentHacking, ShadowMetric
from jobs.rules.length import LengthBlowUp, LengthGrowth
from jobs.rules.no_signal import NoLearning, NoSignal
from jobs.rules.overfitting import HarderValidation, Overfitting, SevereOverfitting
from jobs.rules.plateau import EntropyLoss, Plateau
from jobs.rules.power import Underpowered
from jobs.rules.shrink import LengthShrink
from jobs.rules.stall import Stall
from jobs.rules.truncation import Truncation

RULES: tuple[Rule, ...] = (
    Overfitting(),
    SevereOverfitting(),
    HarderValidation(),
    Plateau(),
    NoSignal(),
    NoLearning(),
    ComponentHacking(),
    ShadowMetric(),
    LengthGrowth(),
    LengthBlowUp(),
    Truncation(),
    LengthShrink(),
    EntropyLoss(),
    Collapse(),
    ParseErrors(),
    GraderBugs(),
    ProviderErrors(),
    Stall(),
    Lopsided(),
    Underpowered(),
)
