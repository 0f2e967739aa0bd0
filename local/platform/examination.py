"""The look at a job's files before it is queued: are there rows to train on, and anything to learn in them?"""

from local.platform.choices import NothingToChoose, Plan, plan_of, seen_answers
from local.platform.orders import Order
from local.platform.records import Fault, JobFolder
from local.platform.rows import BadRow, Row, Split, split_rows


class BadFile(Exception):
    """A job's files cannot be trained on; `fault` is what the job says about it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def examined(folder: JobFolder, order: Order) -> int:
    """Return how many training examples a job has, after looking at everything that its training will need.

    Raises:
        BadFile: naming the file, and the line where there is one.
    """
    training = _rows(folder, "training")
    _rows(folder, "validation")
    try:
        job_plan(order, training)
    except NothingToChoose as nothing:
        raise BadFile(Fault("nothing_to_learn", str(nothing), "training_file")) from None
    return len(training)


def job_plan(order: Order, training: tuple[Row, ...]) -> Plan:
    """Return the plan of a job's answers.

    Raises:
        NothingToChoose: if neither the response format nor the rows leave a choice open.
    """
    described = None if order.response_format is None else order.response_format["json_schema"]
    schema = described["schema"] if isinstance(described, dict) else None
    return plan_of(schema, seen_answers(row.item for row in training))


def _rows(folder: JobFolder, split: Split) -> tuple[Row, ...]:
    path = folder.training if split == "training" else folder.validation
    try:
        return split_rows(path.read_bytes(), split)
    except BadRow as bad:
        raise BadFile(Fault(f"invalid_{split}_file", str(bad), f"{split}_file")) from None
