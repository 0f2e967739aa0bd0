"""The rich_text block: sections, lists, quotes and code, and what stands in a line of them."""

from local.slack.blocks.elements import ID, URL
from local.slack.blocks.schema import Check, anything, flag, items, kind, number, one_of, record, text, typed

_MANY = 1000

_STYLE = record(
    {},
    {
        name: flag()
        for name in ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
    },
)


def _inline(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return kind(required, {"style": _STYLE, **(optional or {})})


_IN_LINE = typed(
    {
        "text": _inline({"text": text(12_000)}),
        "link": _inline({"url": URL}, {"text": text(3000), "unsafe": flag()}),
        "emoji": _inline(
            {"name": text(100)}, {"unicode": text(100), "url": URL, "skin_tone": number(1, 6, whole=True)}
        ),
        "user": _inline({"user_id": ID}),
        "usergroup": _inline({"usergroup_id": ID}),
        "channel": _inline({"channel_id": ID}),
        "team": _inline({"team_id": ID}),
        "broadcast": _inline({"range": one_of("here", "channel", "everyone")}),
        "color": _inline({"value": text(20)}),
        "date": _inline({"timestamp": number(0, whole=True), "format": text(500)}, {"url": URL, "fallback": text(500)}),
        "tag": _inline({"text": text(3000)}, {"color": text(20)}),
        "citation": _inline({"url": URL}, {"text": text(3000), "title": text(3000)}),
    }
)

_LINE = items(_IN_LINE, _MANY, least=0)
_BORDER = number(0, 1, whole=True)
_SECTION = kind({"elements": _LINE})

RICH_TEXT = items(
    typed(
        {
            "rich_text_section": _SECTION,
            "rich_text_list": kind(
                {
                    "style": one_of("bullet", "ordered"),
                    "elements": items(typed({"rich_text_section": _SECTION}), _MANY),
                },
                {"indent": number(0, 8, whole=True), "offset": number(0, whole=True), "border": _BORDER},
            ),
            "rich_text_preformatted": kind({"elements": _LINE}, {"border": _BORDER, "language": text(50)}),
            "rich_text_quote": kind({"elements": _LINE}, {"border": _BORDER}),
        }
    ),
    _MANY,
)

RICH_TEXT_CELL = kind({"elements": RICH_TEXT}, {"block_id": anything()})
