"""How a job was run, as its platform has it."""

from dataclasses import replace

from bot.logs import Redactor
from handlers.jobs.details import details
from handlers.slack.blocks import MOST_TEXT
from jobs.core.records import Hyperparameters, JobState
from jobs.core.series import Series
from jobs.platforms.profiles import PROFILES
from jobs.views.job import JobView
from local.slack.blocks import too_much_text, validate
from tests.handlers.evidence_shown import text_of
from tests.records import a_job, a_remote, a_request

OPENAI = PROFILES[1]
ASKED = a_request(hyperparameters=Hyperparameters(n_epochs=8, batch_size=32), seed=None)
JOB = a_job(request=ASKED, state=JobState.SUCCEEDED, like="as rft-first2, but seed 43 (was 42)", prompt_hash="abc123")
PART = {"type": "python", "name": "precision", "source": "def grade(sample, item):\n    return 1.0 if 1 < 2 else 0.0\n"}
REMOTE = a_remote(
    "succeeded",
    seed=43,
    training_file="file-train",
    validation_file="file-valid",
    result_files=("file-results",),
    fine_tuned_model="ft:acts:1",
    trained_tokens=1_234_567,
    hyperparameters=Hyperparameters(n_epochs=8, batch_size=16, eval_interval=5),
    grader={"type": "multi", "name": "f1", "graders": {"precision": PART}, "calculate_output": "precision * 1"},
)


def test_every_setting_is_shown_as_the_platform_resolved_it() -> None:
    message = details(JobView(JOB, Series(), None, None, OPENAI), REMOTE, str)
    said = text_of(message)
    for words in (
        "launched as rft-first2, but seed 43 (was 42)",
        "epochs 8, batch 16 (asked for 32), eval_interval 5 (auto)",
        "effort auto",
        "Seed: 43",
        "hash of text and format abc123",
        "train <https://platform.openai.com/storage/files/file-train|file-train> (100 rows)",
        "results <https://platform.openai.com/storage/files/file-results|file-results>",
        "Output model: `ft:acts:1`",
        "Trained tokens: 1,234,567",
        "Reward: `precision * 1`",
        "return 1.0 if 1 &lt; 2 else 0.0",
    ):
        assert words in said, words
    assert validate(list(message.blocks), "message") == []
    assert not too_much_text(list(message.blocks))


def test_what_was_asked_for_stands_in_where_the_platform_does_not_answer() -> None:
    job = replace(JOB, files=("file-a", "file-b"), fine_tuned_model=None, state=JobState.WATCHING, like="")
    said = text_of(details(JobView(job, Series(), None), "Local platform cannot be reached.", str))
    for words in (
        "epochs 8, batch 32",
        "Seed: left to the platform",
        "train `file-a`",
        "Output model: none yet",
        "These are what was asked for. Local platform cannot be reached.",
    ):
        assert words in said, words


def test_no_secret_of_a_graders_source_is_shown() -> None:
    source = 'API_KEY = "sk-very-secret"\nHEADERS = {"Authorization": "Bearer abcdef1234567890"}\n' + PART["source"]
    grader = {"type": "multi", "name": "f1", "graders": {"p": {**PART, "source": source}}, "calculate_output": "p"}
    said = text_of(details(JobView(JOB, Series(), None, None, OPENAI), replace(REMOTE, grader=grader), Redactor()))
    assert "def grade" in said
    assert "very-secret" not in said
    assert "abcdef1234567890" not in said


def test_a_long_source_and_many_graders_are_cut_to_what_a_message_holds() -> None:
    parts = {f"g{n}": {**PART, "name": f"g{n}", "source": PART["source"] + "# <&>\n" * 2_000} for n in range(5)}
    grader = {"type": "multi", "name": "f1", "graders": parts, "calculate_output": "g0"}
    message = details(JobView(JOB, Series(), None, None, OPENAI), replace(REMOTE, grader=grader), str)
    assert "And 2 graders more; the bundle has them." in text_of(message)
    assert all(len(str(block["text"]["text"])) <= MOST_TEXT for block in message.blocks if block["type"] == "section")  # type: ignore[index]  # a section has text
    assert validate(list(message.blocks), "message") == []
    assert not too_much_text(list(message.blocks))
