"""Asks the model that an alias points at as training did: python client.py eurovoc@production "<text>"."""

import json
import os
import sys
from typing import Any
from urllib.request import Request, urlopen

from openai import OpenAI


def call_of(alias: str) -> dict[str, Any]:
    """Return what a call to the alias's model needs, as the bot has it now."""
    token = {"Authorization": f"Bearer {os.environ['ALIAS_TOKEN']}"}
    request = Request(f"{os.environ['PROCTOR_URL']}/aliases/{alias}", headers=token)  # noqa: S310  # our own address
    with urlopen(request, timeout=10) as answer:  # noqa: S310  # the same
        return dict(json.load(answer))


def ask(call: dict[str, Any], text: str) -> str:
    """Return the model's answer to a text."""
    if not call["matches_training"]:
        raise SystemExit(f"{call['alias']}: the prompt or the response format is not the one of training.")
    platform = OpenAI(base_url=call["address"], api_key=os.environ["PLATFORM_KEY"])
    said = [("developer", call["prompt_text"]), ("user", text)]
    messages: Any = [{"role": role, "content": content} for role, content in said if content]
    form, effort, given = call["response_format"], call["effort"], dict[str, Any](model=call["model"])
    if call["api"] == "chat":
        given |= {"response_format": form} if form else {}
        given |= {"reasoning_effort": effort} if effort else {}
        return platform.chat.completions.create(messages=messages, **given).choices[0].message.content or ""
    given |= {"text": {"format": {"type": "json_schema", **form["json_schema"]}}} if form else {}
    given |= {"reasoning": {"effort": effort}} if effort else {}
    return str(platform.responses.create(input=messages, **given).output_text)


if __name__ == "__main__":
    sys.stdout.write(f"{ask(call_of(sys.argv[1]), sys.argv[2])}\n")
