"""A model's answers to a request: which choices the answer has, drawn or likeliest, written down and counted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from local.platform.body import Body
from local.platform.choices import NOTHING_SEEN, NothingToChoose, Plan, plan_of, seen_before
from local.platform.orders import check_schema
from local.platform.policy import Layout, chosen, draw, likeliest
from local.platform.refusal import bad_request
from local.platform.shelf import Model
from local.platform.tokens import count_tokens


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked.

    `schema` is the wanted answer's, None where the request names none; a `seed` makes the draws repeatable; at
    temperature 0 the likeliest answer is given.
    """

    prompt: Sequence[str]
    """Every text of the prompt, for counting."""
    user_text: str
    schema: Body | None
    temperature: float
    seed: int | None
    draws: int = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a model, and the tokens they took."""

    texts: tuple[str, ...]
    prompt_tokens: int
    answer_tokens: int


def answer(model: Model, question: Question) -> Answers:
    """Return `question.draws` answers of `model`.

    Raises:
        Refusal: 400 for a question without user text, or one that leaves the model nothing to choose from.
    """
    if not question.user_text.strip():
        raise bad_request("The prompt has no text from the user.", "messages")
    plan = _plan(model, question)
    layout = Layout(plan.choices)
    if question.temperature == 0:
        taken = likeliest(layout, model.chances(plan, question.user_text, 1.0))[0].repeat(question.draws, axis=0)
    else:
        chances = model.chances(plan, question.user_text, question.temperature)
        seed = secrets.randbits(64) if question.seed is None else question.seed
        taken = draw(layout, chances, question.draws, np.random.default_rng(seed))[0]
    texts = tuple(plan.render(chosen(layout, drawn)) for drawn in taken)
    return Answers(texts, sum(map(count_tokens, question.prompt)), sum(map(count_tokens, texts)))


def read_sampling(body: Body) -> tuple[float, int | None]:
    """Return a request's temperature (1 unless it says otherwise) and seed."""
    temperature = body.number("temperature")
    temperature = 1.0 if temperature is None else temperature
    if not 0 <= temperature <= 2:
        raise bad_request("'temperature' must be from 0 to 2.", "temperature")
    if body.get("stream"):
        raise bad_request("Streaming is not available here.", "stream", "unsupported_value")
    return temperature, body.integer("seed", -(2**63), 2**63 - 1)


def _plan(model: Model, question: Question) -> Plan:
    own = model.own_plan()
    if question.schema is None:
        if own is None:
            raise bad_request(
                "The base model answers by choosing among labels: send a JSON schema with an enum.", "response_format"
            )
        return own
    check_schema(question.schema)
    try:
        return plan_of(question.schema.value, NOTHING_SEEN if own is None else seen_before(own))
    except NothingToChoose:
        said = "There is nothing to choose: the JSON schema needs a property with an enum."
        raise bad_request(said, question.schema.at) from None
