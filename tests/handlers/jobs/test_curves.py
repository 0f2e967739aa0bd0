"""Every curve of a job: what is drawn of what a platform sent, and what is said where it sent nothing."""

from dataclasses import replace

import pytest

from charts import Chart, StepPanels, StepTimes, describe
from handlers.jobs.compare import job_curves
from handlers.jobs.curves import errors, graders, latency, reward_curve, step_times, tokens
from jobs.core.records import Hyperparameters, Job
from jobs.core.series import GraderFigures, Series, StepTiming
from jobs.state.change import Change, Versioned
from jobs.views.job import JobView
from tests.handlers.conftest import Scene
from tests.handlers.jobs.test_commands import asked
from tests.records import a_job, a_request, a_series, a_step
from tests.story.colleagues import pictures, said

JOB = a_job(batch_size=16, total_steps=40, last_step=40)


def view_of(series: Series, job: Job = JOB) -> JobView:
    return JobView(job, series, None)


def full_view(*, broken: float = 0.0) -> JobView:
    """Return a job of 40 steps whose platform sends everything there is; evaluated every fifth step."""
    steps = []
    for n in range(1, 41):
        at = n % 5 == 0
        grader = GraderFigures(
            "precision",
            train_score=0.2 + n / 100,
            valid_score=0.3 + n / 200 if at else None,
            train_latency=0.25,
            valid_latency=0.3 if at else None,
            train_errors={"sample_parse_error": broken if n == 7 else 0.0, "other_error": 0.0},
        )
        judge = replace(grader, name="judge", train_latency=2.5, train_errors={})
        steps.append(
            replace(
                a_step(n, train=0.3 + n / 100, valid=0.3 + n / 200 if at else None),
                graders=(grader, judge),
                train_completion_tokens=1000.0 + 10 * n,
                valid_completion_tokens=900.0 if at else None,
                train_reasoning_tokens=3000.0,
                timing=StepTiming(200.0, 400.0, 100.0 if at else None, 700.0 if at else 600.0),
            )
        )
    return view_of(Series.of(steps))


def panels_of(shown: Chart | str) -> StepPanels:
    assert isinstance(shown, StepPanels), shown
    return shown


def test_the_reward_curve_has_the_mean_of_one_epoch_and_the_error_of_an_evaluation() -> None:
    chart = reward_curve(full_view())
    assert chart.epoch_steps == 7
    assert chart.valid_error == pytest.approx(0.005)
    words = describe(chart)
    assert "One evaluation has a standard error of 0.005." in words
    assert "Mean train reward of one epoch: 0.34 by step 7, now 0.67." in words


def test_what_cannot_be_known_of_the_noise_is_left_out() -> None:
    chart = reward_curve(view_of(a_series(0.1, 0.2, 0.3), a_job(batch_size=None)))
    assert chart.epoch_steps is None
    assert chart.valid_error is None
    assert "standard error" not in describe(chart)


def test_graders_share_a_scale_with_the_reward_they_make_up() -> None:
    chart = panels_of(graders(full_view()))
    assert chart.shared
    assert [panel.name for panel in chart.panels] == ["precision", "judge", "f1, the reward"]
    assert chart.title == "Validation at step 40: precision 0.50, judge 0.50"
    assert len(chart.panels[0].train) == 40
    assert len(chart.panels[0].valid) == 8
    alone = panels_of(graders(replace(full_view(), job=replace(JOB, reward="judge"))))
    assert [panel.name for panel in alone.panels] == ["precision", "judge"]


def test_tokens_are_compared_with_the_first_steps() -> None:
    chart = panels_of(tokens(full_view()))
    assert chart.title == "Now 3,000 reasoning tokens an answer, as in the first 5 steps"
    assert chart.note == ""
    series = full_view().series
    silent = Series.of(replace(step, train_reasoning_tokens=None) for step in series.steps)
    chart = panels_of(tokens(view_of(silent)))
    assert chart.title == "Now 1,380 completion tokens an answer, 34% more than in the first 5 steps"
    assert [panel.name for panel in chart.panels] == ["completion tokens"]
    assert chart.note == "local has sent no reasoning tokens."
    short = panels_of(tokens(view_of(Series.of(series.steps[:3]))))
    assert short.title == "Now 3,000 reasoning tokens an answer"


def test_the_time_of_steps_is_split_and_graders_are_ranked() -> None:
    chart = step_times(full_view())
    assert isinstance(chart, StepTimes)
    assert chart.title == "Of the time so far: sampling 32%, training 65%, eval 3.2%"
    words = describe(chart)
    assert "Whole step: median 600 s, longest 700 s at step 5." in words
    assert "Eval: median 100 s, longest 100 s, in 8 steps." in words
    slow = panels_of(latency(full_view()))
    assert slow.title == "Slowest grader: judge takes 2.5 s an answer (median)"
    assert "precision, validation: 300 ms at step 5" in describe(slow)


def test_errors_are_drawn_by_kind_where_there_were_any() -> None:
    chart = panels_of(errors(full_view(broken=0.04)))
    assert [panel.name for panel in chart.panels] == ["sample parse error (precision)"]
    assert chart.title == "Most frequent: sample parse error (precision), in 4% of answers at step 7"
    assert chart.note == "Reported and always 0: 1 more."
    assert errors(full_view()) == (
        "None up to step 40 of `rft-abc234`. Counted, and always 0: other error, sample parse error."
    )


@pytest.mark.parametrize(
    ("show", "sentence"),
    [
        (graders, "no scores of single graders; `/rft curve rft-abc234` shows the reward."),
        (tokens, "no token counts, so I cannot say whether answers grow longer."),
        (step_times, "no times of steps."),
        (latency, "no latencies of graders."),
        (errors, "no figures on grader errors."),
    ],
)
def test_what_a_platform_did_not_send_is_said(show: object, sentence: str) -> None:
    assert callable(show)
    assert show(view_of(Series.of([a_step(1)]))) == f"local has sent {sentence}"


def job_with(name: str, *valid: float, **changes: object) -> JobView:
    job = replace(a_job(id=name, **changes), request=a_request(seed=7, hyperparameters=Hyperparameters(n_epochs=3)))
    return view_of(a_series(*valid), job)


RISING = (0.1, 0.2, 0.3, 0.4, 0.5)
HIGHEST = "rft-one: validation reward 0.50 at step 25"


@pytest.mark.parametrize(
    ("others", "title"),
    [
        ((0.1, 0.12, 0.2, 0.2, 0.2), f"{HIGHEST}, 0.30 above the next, more than noise explains (0."),
        ((0.1, 0.3, 0.1, 0.3, 0.45), "Can't tell rft-one from rft-two: 0.50 against 0.45, noise explains"),
        ((0.1, 0.3, 0.1, 0.3, 0.499), "Can't tell rft-one from rft-two: 0.500 against 0.499, noise explains"),
        ((0.1, 0.2), f"Can't tell yet which job is better; {HIGHEST}; too few evaluations to tell that from noise"),
        ((), HIGHEST),
    ],
)
def test_which_job_is_highest_is_said_only_as_far_as_noise_allows(others: tuple[float, ...], title: str) -> None:
    chart = job_curves([job_with("rft-one", *RISING), job_with("rft-two", *others)])
    assert chart.title.startswith(title)
    assert chart.jobs[0].name == "rft-one \u00b7 epochs=3, seed=7"
    assert chart.title.endswith(" items would be enough") is ("0.45" in title)
    assert chart.subtitle == "acts \u00b7 f1 on the same 50 validation items"


def test_levels_of_different_tasks_are_not_ranked_against_noise() -> None:
    chart = job_curves([job_with("rft-one", *RISING), job_with("rft-two", *RISING, task="other")])
    assert chart.title == "Which of these jobs is better cannot be told from their rewards"
    assert chart.subtitle.endswith("levels do not compare")
    assert chart.jobs[1].name == "rft-two \u00b7 other, local-policy-1, epochs=3, seed=7"
    empty = job_curves([job_with("rft-one"), job_with("rft-two")])
    assert empty.title == "None of these jobs has been evaluated yet"
    assert "rft-two \u00b7 epochs=3, seed=7: not evaluated yet." in describe(empty)


async def uploads(scene: Scene) -> int:
    """Return how many uploads the bot has begun."""
    return sum(
        entry["name"] == "files.getUploadURLExternal" and "args" in entry for entry in await scene.workspace.log()
    )


async def test_every_curve_of_a_job_and_of_two_together(scene: Scene) -> None:
    job = await scene.running(total_steps=40, last_step=40, valid_reward=0.5, first_valid_reward=0.325)
    steps = tuple(replace(step, train_reasoning_tokens=None) for step in full_view().series.steps)
    await scene.store.commit(Change(records=(Versioned(job, 1),), steps=steps))

    every = await asked(scene, f"curve {job.id} all", "Step times of")
    titles = [picture["title"]["text"].partition(" of rft-")[0] for picture in pictures(every)]
    assert titles == ["Reward curve", "Scores of graders", "Tokens", "Step times", "Grader latency"]
    assert "local has sent no reasoning tokens." in said(every)
    assert "None up to step" in said(every)
    assert all(", now " in picture["alt_text"] or "median" in picture["alt_text"] for picture in pictures(every))

    await asked(scene, f"curve {job.id} Tokens", "Tokens of")
    await asked(scene, f"curve {job.id} graders", "Scores of graders of")
    await asked(scene, f"curve {job.id} rewords", "cannot draw 'rewords'; did you mean 'rewards'?")
    await asked(scene, f"curve {job.id} rewards errors", "needs one job and at most one of rewards, graders, tokens")
    await asked(scene, f"compare {job.id} {job.id}", "is one job; name another to compare it with.")
    await asked(scene, f"compare {job.id}", "needs 2 to 5 jobs; 1 word is given")

    fresh = await scene.running(id="rft-fresh2", task="laws")
    both = await asked(scene, f"compare {job.id} {fresh.id}", "Validation rewards of 2 jobs")
    assert len(pictures(both)) == 1
    assert f"{fresh.id} \u00b7 laws" in said(both)
    # What was drawn before is shown again without another upload.
    known = await uploads(scene)
    again = await asked(scene, f"compare {job.id} {fresh.id}", "Validation rewards of 2 jobs")
    assert [picture["slack_file"] for picture in pictures(again)] == [
        picture["slack_file"] for picture in pictures(both)
    ]
    assert await uploads(scene) == known
    await scene.workspace.fault(method="files.getUploadURLExternal", fault="error")
    worded = await asked(scene, f"compare {fresh.id} {job.id}", "*Validation rewards*")
    assert not pictures(worded)
    assert "not evaluated yet" in said(worded)
    await scene.workspace.fault(method="files.getUploadURLExternal", fault="error")
    await asked(scene, f"curve {fresh.id}", "*Reward curve*")
    assert await scene.failures() == []
