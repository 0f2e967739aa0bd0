"""task.yaml: every key that is wrong is named with its line."""

from pathlib import Path

import pytest

from jobs.core.errors import InvalidRequest
from jobs.core.records import ApprovalPolicy, Hyperparameters
from jobs.tasks import TaskCatalogue
from jobs.tasks.manifest import Manifest, read_manifest
from tests.jobs.tasks.folder import write_folder

FULL = """
title: Small
description: |
  Two lines
  of text.
reward: exact
approvers: ["@model-approvers", U0123, U0123]
quorum: 3
defaults:
  model: base-1
  platform: local
  hyperparameters: {n_epochs: 4, batch_size: auto, learning_rate_multiplier: 2, reasoning_effort: low}
alerts:
  O1: {least_drift: 0.08, patience: 3}
  N: {much: 0.6}
  P: false
shadows: [judge]
guardrails: {exact: -0.05, format: auto}
alias: canary_2
approval: {expires_days: 3, remind_days: 0.5, self_approval: true, one_rejection_settles: false}
evidence: {runs: 5}
"""


def read(text: str) -> Manifest:
    return read_manifest(text, "small/task.yaml")[0]


def test_every_key_is_read() -> None:
    manifest = read(FULL)
    assert (manifest.title, manifest.description, manifest.reward) == ("Small", "Two lines\nof text.", "exact")
    assert (manifest.approvers, manifest.quorum) == (("model-approvers", "U0123"), 3)
    assert (manifest.defaults.model, manifest.defaults.platform) == ("base-1", "local")
    assert manifest.defaults.hyperparameters.record == Hyperparameters(
        n_epochs=4, learning_rate_multiplier=2, reasoning_effort="low"
    )


def test_how_jobs_are_watched_and_checkpoints_signed_off_is_read() -> None:
    manifest = read(FULL)
    changes = {"O1": {"least_drift": 0.08, "patience": 3}, "N": {"much": 0.6}, "P": False}
    assert manifest.alerts == changes
    assert manifest.held_out_graders == ("judge",)
    assert manifest.guardrails == {"exact": -0.05, "format": -0.02}
    assert (manifest.alias, manifest.evidence.runs) == ("canary_2", 5)
    assert manifest.approval.policy == ApprovalPolicy(3, 0.5, self_approval=True, one_rejection_settles=False)


def test_a_list_of_guardrails_allows_the_usual_fall() -> None:
    assert read("guardrails: [a, b]").guardrails == {"a": -0.02, "b": -0.02}
    assert read("guardrails: a").guardrails == {"a": -0.02}


def test_the_reminder_of_a_short_approval_comes_half_way() -> None:
    policy = read("approval: {expires_days: 1}").approval.policy
    assert (policy.expires_days, policy.remind_days) == (1, 0.5)


def test_an_empty_file_means_all_defaults() -> None:
    manifest = read("")
    assert (manifest.alerts, manifest.held_out_graders, manifest.guardrails, manifest.alias) == (
        {},
        (),
        {},
        "production",
    )
    assert (manifest.approval.policy, manifest.evidence.runs) == (ApprovalPolicy(), 3)
    assert (manifest.title, manifest.quorum, manifest.approvers) == (None, 2, ())
    assert read("title:\nquorum:\ndefaults:\napproval: {remind_days: }") == manifest
    assert manifest.defaults.hyperparameters.record == Hyperparameters()


def test_one_approver_needs_no_list() -> None:
    assert read("approvers: team").approvers == ("team",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title: a\nrewrad: f1", "line 2: 'rewrad' is not a key of task.yaml; did you mean 'reward'?"),
        ("zzz: 1", "line 1: 'zzz' is not a key of task.yaml; known: title, description, prompt, reward, "),
        ("1: x", "line 1: '1' is not a key of task.yaml; "),
        ("title: a\ntitle: b", "line 2: 'title' is written twice."),
        ("title: 5", "line 1: 'title' must be text, not a number; put it in quotes."),
        ("reward: ''", "line 1: 'reward' must be text, not empty text; "),
        ("prompt: 2024-01-01", "line 1: 'prompt' must be text, not a date; put it in quotes."),
        ("title: a\n  b: c", "line 2 is not YAML: "),
        ("title: [a", "line 1 is not YAML: "),
        ("title: !!python/object:os.system x", "line 1 is not YAML: could not determine a constructor"),
        ("[" * 1_000, "is not YAML that can be read: "),
        ("title: 2024-99-99", "is not YAML that can be read: "),
        ("title: a\x07b", "is not YAML that can be read: "),
        ("- a", "must hold keys such as 'title' and 'reward', not a list."),
        ("title: a\n---\ntitle: b", "line 2 is not YAML: "),
        ("quorum: 0", "line 1: 'quorum' must be a whole number from 1 to 20, not '0'."),
        ("quorum: 1.5", "line 1: 'quorum' must be a whole number from 1 to 20, not '1.5'."),
        ("quorum: yes", "line 1: 'quorum' must be a whole number from 1 to 20, not 'True'."),
        ("quorum: .nan", "line 1: 'quorum' must be a whole number from 1 to 20, not 'nan'."),
        ("approvers: {a: b}", "line 1: 'approvers' must be a list of names, each a text."),
        ("approvers: [a, 3]", "line 1: 'approvers' must be a list of names, each a text."),
        ("defaults: 3", "line 1: 'defaults' must hold keys of its own, not a number."),
        ("defaults:\n  modle: a", "line 2: 'defaults.modle' is not a key of task.yaml; did you mean 'model'?"),
        (
            "defaults:\n  hyperparameters:\n    epochs: 3",
            "line 3: 'defaults.hyperparameters.epochs' is not a key of task.yaml; did you mean 'n_epochs'?",
        ),
        (
            "defaults: {hyperparameters: {n_epochs: 51}}",
            "line 1: 'defaults.hyperparameters.n_epochs' must be a whole number from 1 to 50, not '51'.",
        ),
        (
            "defaults: {hyperparameters: {compute_multiplier: fast}}",
            "line 1: 'defaults.hyperparameters.compute_multiplier' must be a number above 0.00001 and up to 10,",
        ),
        (
            "defaults: {hyperparameters: {learning_rate_multiplier: .inf}}",
            "line 1: 'defaults.hyperparameters.learning_rate_multiplier' must be a number above 0, not 'inf'.",
        ),
        (
            "defaults: {hyperparameters: {batch_size: [8]}}",
            "line 1: 'defaults.hyperparameters.batch_size' must be a whole number from 1 to 256, not a list.",
        ),
        (
            "defaults: {hyperparameters: {reasoning_effort: minimal}}",
            "line 1: 'defaults.hyperparameters.reasoning_effort' must be one of default, low, medium, high, ",
        ),
        ("alerts: 3", "line 1: 'alerts' must hold keys of its own, not a number."),
        ("alerts:\n  wide: false", "line 2: alerts: there is no rule called 'wide'; known: O1, O2, O0, "),
        ("alerts:\n  O1: 3", "line 2: alerts.O1: give thresholds by name, or false to leave the rule out."),
        ("alerts:\n  O1: true", "line 2: alerts.O1: give thresholds by name, or false to leave the rule out."),
        ("alerts:\n  O1:\n    drift: 1", "line 3: alerts: there is no threshold of O1 called 'drift'; did you mean "),
        (
            "alerts:\n  O1:\n    errors: 3\n    patience: 1.5",
            "line 4: alerts.O1.patience is a whole number from 1 up, not 1.5.",
        ),
        ("title: a\nshadows: {a: b}", "line 2: 'shadows' must be a list of names, each a text."),
        ("guardrails:\n  f1: 0.02", "line 2: 'guardrails.f1' must be a number from -1 to 0, not '0.02'."),
        ("guardrails: [1]", "line 1: 'guardrails' must be a list of names, each a text."),
        ("alias: Production", "line 1: 'alias' must be of lower-case letters, digits, '-' and '_', not 'Production'."),
        ("alias: a@b", "line 1: 'alias' must be of lower-case letters, digits, "),
        ("approval:\n  expire: 3", "line 2: 'approval.expire' is not a key of task.yaml; did you mean 'expires_days'?"),
        ("approval: {expires_days: 0}", "line 1: 'approval.expires_days' must be a number from 0.05 to 365, "),
        ("approval: {self_approval: maybe}", "line 1: 'approval.self_approval' must be true or false, not 'maybe'."),
        (
            "approval:\n  expires_days: 3\n  remind_days: 3",
            "line 3: 'approval.remind_days' must be less than the 3 days after which an approval lapses, not 3.",
        ),
        ("evidence: 3", "line 1: 'evidence' must hold keys of its own, not a number."),
        ("evidence: {runs: 21}", "line 1: 'evidence.runs' must be a whole number from 1 to 20, not '21'."),
        ("evidence: {runs: 2.5}", "line 1: 'evidence.runs' must be a whole number from 1 to 20, not '2.5'."),
    ],
)
def test_what_is_wrong_is_named(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(text)
    assert str(caught.value).startswith(f"small/task.yaml {sentence}")
    assert "\n" not in str(caught.value)


def test_aliases_that_would_multiply_cost_nothing(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(40))
    with pytest.raises(InvalidRequest, match="line 1: 'a' is not a key"):
        TaskCatalogue(write_folder(tmp_path, {"task.yaml": bomb})).load("small")
