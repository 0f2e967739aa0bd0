"""Every rule, in the order of `/rft status`."""

from jobs.alerts.alert import Rule
from jobs.alerts.balance import Lopsided
from jobs.alerts.collapse import Collapse
from jobs.alerts.grading import GraderBugs, ParseErrors, ProviderErrors
from jobs.alerts.hacking import ComponentHacking, ShadowMetric
from jobs.alerts.length import LengthBlowUp, LengthGrowth
from jobs.alerts.no_signal import NoLearning, NoSignal
from jobs.alerts.overfitting import HarderValidation, Overfitting, SevereOverfitting
from jobs.alerts.plateau import EntropyLoss, Plateau
from jobs.alerts.power import Underpowered
from jobs.alerts.shrink import LengthShrink
from jobs.alerts.stall import Stall
from jobs.alerts.truncation import Truncation

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
