import pytest

from handlers.jobs.commands import RFT
from handlers.proctor import PROCTOR
from handlers.slack.commands import MOST_TYPED, Typed, overview, parse
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_auto, read_hyperparameters, read_seed, read_suffix
from jobs.core.records import Hyperparameters


def test_keys_come_in_any_order_and_may_be_quoted() -> None:
    typed = parse("/rft", 'launch  suffix="two words" task=acts seed=7', RFT)
    assert typed == Typed("launch", (), {"suffix": "two words", "task": "acts", "seed": "7"})


def test_a_phones_quotation_marks_are_plain_ones() -> None:
    assert parse("/rft", "launch task=\u201cacts\u201d", RFT).given == {"task": "acts"}


def test_a_bare_word_names_the_job() -> None:
    assert parse("/rft", "status rft-abc234", RFT) == Typed("status", ("rft-abc234",), {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lanch task=acts", "did you mean 'launch'?"),
        ("frobnicate", "known: launch, "),
        ("", "Say what `/rft` should do"),
        ("launch", "needs `task=`. Write `/rft launch task=<task>`"),
        ("launch acts", "Did you mean `task=acts`?"),
        ("launch task=acts epocs=3", "did you mean 'epochs'?"),
        ("launch task=acts task=other", "'task=' is given twice"),
        ("launch task=", "'task=' has no value"),
        ('launch task="acts', "quotation mark is not closed"),
        ("status", "needs one job; none is given"),
        ("status a b", "2 words are given"),
        ("status job=x", "takes no 'job='"),
        ("list everything", "does not know 'everything'"),
        ("LAUNCH", "needs `task=`"),
        ("list " + '"' * 8000, "That is 8,005 characters long; I read up to 4,000."),
        ("x" * MOST_TYPED, "has no command 'xxx"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_valid_word(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as problem:
        parse("/rft", text, RFT)
    assert sentence in str(problem.value)
    assert len(str(problem.value)) < 300, "a long word is not repeated"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dataset", "needs `task=`. Write `/proctor dataset balance task=<task>`."),
        ("dataset balance", "needs `task=`. Write `/proctor dataset balance task=<task>`."),
        ("dataset balance acts", "Did you mean `task=acts`?"),
        ("dataset acts", "Did you mean `task=acts`?"),
    ],
)
def test_a_verbs_own_word_is_not_taken_for_a_value(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as problem:
        parse("/proctor", text, PROCTOR)
    assert sentence in str(problem.value)


def test_the_overview_names_every_verb_and_hides_no_placeholder() -> None:
    shown = overview("/rft", RFT) + overview("/proctor", PROCTOR)
    for verb in (*RFT, *PROCTOR):
        assert verb.name in shown
    assert "&lt;job&gt;" in shown


def test_hyperparameters_are_read_by_the_commands_names() -> None:
    given = {"epochs": "3", "batch": "8", "effort": "low", "compute": "0.5", "eval_samples": "2", "eval_interval": "4"}
    assert read_hyperparameters(given | {"task": "acts"}) == Hyperparameters(
        n_epochs=3, batch_size=8, reasoning_effort="low", compute_multiplier=0.5, eval_samples=2, eval_interval=4
    )


def test_auto_leaves_a_setting_to_the_platform() -> None:
    given = {"epochs": "auto", "batch": "8", "compute": "AUTO"}
    assert read_hyperparameters(given) == Hyperparameters(batch_size=8)
    assert read_auto(given) == ("n_epochs", "compute_multiplier")


@pytest.mark.parametrize(
    ("key", "value"),
    [("epochs", "0"), ("epochs", "51"), ("epochs", "many"), ("batch", "257"), ("effort", "huge"), ("compute", "nan")],
)
def test_a_value_out_of_bounds_is_named_with_its_bounds(key: str, value: str) -> None:
    with pytest.raises(InvalidRequest, match=f"`{key}={value}` does not work: {key} is "):
        read_hyperparameters({key: value})


def test_seeds_and_suffixes_have_the_bounds_of_the_platforms() -> None:
    assert read_seed("0") == 0
    with pytest.raises(InvalidRequest, match="from 0 to 2147483647"):
        read_seed("-1")
    assert read_suffix("v7") == "v7"
    with pytest.raises(InvalidRequest, match="has 65 characters"):
        read_suffix("x" * 65)


def test_a_verb_of_another_meaning_is_not_proposed() -> None:
    with pytest.raises(InvalidRequest, match=r"has no command 'models'; known: .* `/proctor help` explains them\."):
        parse("/proctor", "models", PROCTOR)
    with pytest.raises(InvalidRequest, match=r"has no command 'hlep'; did you mean 'help'\?$"):
        parse("/proctor", "hlep", PROCTOR)
