"""What a row says, as one text, and that text with everything struck out that does not make it another text."""

import hashlib
import json
import re
import unicodedata

from jobs.tasks import Row

_WORD = re.compile(r"[^\W_]+")


def text_of(row: Row) -> str:
    """Return what the model is asked about: `text_input`, or what the row's own user messages say.

    A picture stands as a word of its own, so that one question about two pictures is two texts.
    """
    if row.messages is None:
        return str(row.item.get("text_input", ""))
    said: list[str] = []
    for message in row.messages:
        if message.role != "user":
            continue
        if isinstance(message.content, str):
            said.append(message.content)
        else:
            said += [str(part["text"]) if "text" in part else _word_for(part) for part in message.content]
    return "\n".join(said)


def words_of(text: str) -> list[str]:
    """Return the text's words: letters and digits of any script, case and width folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def normalised(text: str) -> str:
    """Return the text without case, punctuation and spacing. One without any words, such as emoji, stays as it is."""
    return " ".join(words_of(text)) or text.strip()


def _word_for(part: object) -> str:
    return "picture" + hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
