"""Platforms as data: the built-in ones, and those of a file."""

from datetime import date
from pathlib import Path

import pytest

from jobs.core.errors import ConfigurationError, InvalidRequest
from jobs.platforms.profiles import PROFILES, RETIRED_MODELS, Price, load_profiles, require_open

LOCAL = "http://127.0.0.1:8123/v1"


def written(folder: Path, content: str) -> Path:
    path = folder / "platforms.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_built_in_platforms() -> None:
    profiles = load_profiles(None, LOCAL)

    assert list(profiles) == ["local", "openai"]
    assert profiles["local"].base_url == LOCAL
    assert profiles["local"].default_model == "local-policy-1"
    assert (profiles["local"].poll_seconds, profiles["local"].default_key) == (1.0, "local")
    assert profiles["openai"].api_key_env == "OPENAI_API_KEY"
    assert profiles["openai"].link("ftjob-1") == "https://platform.openai.com/finetune/ftjob-1"
    assert profiles["local"].link("ftjob-1") is None


def test_names_are_unique() -> None:
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)


def test_without_an_address_there_is_no_local_platform() -> None:
    assert list(load_profiles(None, None)) == ["openai"]


def test_a_file_changes_and_adds_platforms(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
openai: {poll_seconds: 45, models: [gpt-x]}
azure:
  title: Azure
  base_url: https://team.openai.azure.com/openai/v1/
  api_key_env: AZURE_OPENAI_API_KEY
  models: [o4-mini-2025-04-16]
  min_rows: 10
  extra_body: {trainingType: GlobalStandard}
  grader_types: [python, multi, endpoint]
  accepts_new_jobs_until: 2027-04-16
  retired: {old: {since: 2026-10-16, instead: Use another.}}
bedrock: {base_url: "https://bedrock-mantle.us-west-2.api.aws/v1", allows_suffix: false}
""",
    )

    profiles = load_profiles(path, LOCAL)

    assert list(profiles) == ["local", "openai", "azure", "bedrock"]
    assert (profiles["openai"].poll_seconds, profiles["openai"].models) == (45.0, ("gpt-x",))
    assert profiles["openai"].retired == RETIRED_MODELS
    azure = profiles["azure"]
    assert azure.extra_body == {"trainingType": "GlobalStandard"}
    assert azure.grader_types == frozenset({"python", "multi", "endpoint"})
    assert azure.accepts_new_jobs_until == date(2027, 4, 16)
    assert azure.retired["old"].sentence("old", azure.title) == "old was shut down on Azure on 2026-10-16. Use another."
    assert (profiles["bedrock"].title, profiles["bedrock"].allows_suffix) == ("bedrock", False)


def test_a_file_may_give_the_local_platform_its_address(tmp_path: Path) -> None:
    assert load_profiles(written(tmp_path, f"local: {{base_url: '{LOCAL}'}}"), None)["local"].base_url == LOCAL


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert list(load_profiles(written(tmp_path, "# nothing yet\n"), LOCAL)) == ["local", "openai"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("openai: {models: [a", "line 1 is not YAML: "),
        ("- openai", "must hold platform names with their fields, not a list"),
        ("OpenAI: {}", "'OpenAI' is no platform name"),
        ("1: {}", "'1' is no platform name"),
        ("azure: yes please", "line 1: 'azure' must be fields with values"),
        ("azure: {}", "line 1: 'azure.base_url' is missing"),
        ("azure: {base_url: example.com}", "line 1: 'azure.base_url' must be an address"),
        ("azure: {base_url: 'https://me:secret@example.com/v1'}", "'azure.base_url' must hold no user"),
        ("openai: {min_row: 10}", "'openai.min_row' is not a key of platforms.yaml; did you mean 'min_rows'?"),
        ("openai: {colour: red}", "'openai.colour' is not a key of platforms.yaml; known: name, base_url, title"),
        ("openai: {min_rows: many}", "'openai.min_rows' must be a whole number of at least 1, not text"),
        ("openai: {min_rows: 0}", "'openai.min_rows' must be a whole number of at least 1, not '0'"),
        ("openai:\n  title: x\n  poll_seconds: 0", "line 3: 'openai.poll_seconds' must be a number above 0, not '0'"),
        ("openai: {poll_seconds: .nan}", "'openai.poll_seconds' must be a number above 0, not 'nan'"),
        (
            "openai: {accepts_new_jobs_until: soon}",
            "must be a date such as 2027-01-31, not text",
        ),
        ("openai: {api: csv}", "'openai.api' must be one of responses, chat, not text"),
        ("openai: {models: gpt-x}", "'openai.models' must be a list, not text"),
        ("openai: {retired: {a: {since: 2026-01-01}}}", "'openai.retired.a.instead' is missing"),
        (
            "openai: {prices: {a: {input: -1, output: 2}}}",
            "'openai.prices.a.input' must be a number of at least 0, not '-1'",
        ),
        ("openai: {name: other}", "'openai.name' is no key of a platform"),
        ("openai: {api_key: sk-12345678}", "no secrets in this file; name an environment variable in api_key_env"),
        ("openai: {api_key_env: sk-12345678}", "must be the name of an environment variable"),
    ],
)
def test_a_malformed_file_is_one_line_naming_file_platform_and_field(tmp_path: Path, content: str, words: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ConfigurationError) as caught:
        load_profiles(path, LOCAL)

    said = str(caught.value)
    assert words in said
    assert str(path) in said
    assert "\n" not in said
    assert "12345678" not in said
    assert "secret@" not in said


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file"):
        load_profiles(tmp_path / "absent.yaml", LOCAL)


def test_a_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "platforms.yaml"
    path.write_bytes(b"openai: {title: \xe9}")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_profiles(path, LOCAL)


def test_answers_have_the_price_of_their_model_or_of_what_was_tuned_from_one(tmp_path: Path) -> None:
    prices = "{base: {input: 2, output: 8}, 'tuned:base': {input: 4, output: 16}}"
    openai = load_profiles(written(tmp_path, f"openai: {{prices: {prices}}}"), None)["openai"]
    assert openai.price_of("base", "base") == Price(2, 8)
    assert openai.price_of("ft:base:x", "base") == Price(4, 16)
    assert openai.price_of("other") is None


def test_a_retired_model_is_refused_from_its_last_day_on() -> None:
    openai = load_profiles(None, None)["openai"]

    require_open(openai, "o4-mini-2025-04-16", date(2026, 10, 22))
    with pytest.raises(InvalidRequest, match=r"o4-mini-2025-04-16 was shut down on OpenAI on 2026-10-23\. Launch on"):
        require_open(openai, "o4-mini-2025-04-16", date(2026, 10, 23))


def test_a_platform_that_takes_no_more_jobs_is_refused_from_its_last_day_on() -> None:
    openai = load_profiles(None, None)["openai"]

    require_open(openai, "some-model", date(2027, 1, 5))
    with pytest.raises(InvalidRequest, match="accepts no new training jobs since 2027-01-06"):
        require_open(openai, "some-model", date(2027, 1, 6))


def test_the_local_platform_never_ends() -> None:
    require_open(load_profiles(None, LOCAL)["local"], "local-policy-1", date(2100, 1, 1))
