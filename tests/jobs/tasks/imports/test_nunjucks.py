"""Promptfoo's templates, as far as they can be followed."""

import pytest

from jobs.tasks.imports.nunjucks import NotCarried, as_grader_template, escaped, render, resolved

VARIABLES = {
    "a": "x",
    "n": 3.0,
    "yes": True,
    "none": None,
    "many": ["p", {"q": "r s"}],
    "o": {"k y": 1.5},
    "long": ["b", 2],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{a}}{{ a }}{{- a -}}", "xxx"),
        ("{{n}} {{yes}} [{{none}}] [{{gone}}] [{{gone.deeper[2]}}]", "3 true [] [] []"),
        ("{{many[0]}} {{many[1].q}} {{o['k y']}} {{many[9]}}", "p r s 1.5 "),
        ("{{long}} {{a | safe}}", "b,2 x"),
        ("{% raw %}{{a}}{% endraw %}{# a note #}!", "{{a}}!"),
        ("a { b } %}", "a { b } %}"),
    ],
)
def test_a_template_is_filled_as_promptfoo_fills_it(template: str, text: str) -> None:
    assert render(template, VARIABLES) == text


@pytest.mark.parametrize(
    "template", ["{{a|upper}}", "{% if a %}", "{{env.KEY}}", "{{o}}", "{{a", "{% raw %}", "{{a + 1}}", "{{}}"]
)
def test_what_cannot_be_followed_is_said(template: str) -> None:
    with pytest.raises(NotCarried):
        render(template, VARIABLES)


def test_a_graders_template_names_the_item() -> None:
    assert (
        as_grader_template("{{a.b[0]}} {{output}}", {"output": "sample.output_text"})
        == "{{item.a.b.0}} {{sample.output_text}}"
    )
    for template in ("{{a['k y']}}", "{% raw %}{{a}}{% endraw %}"):
        with pytest.raises(NotCarried):
            as_grader_template(template, {})


@pytest.mark.parametrize("text", ["plain {", "{{a}}", "{% x %}", "{# #}"])
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert render(escaped(text), VARIABLES) == text


def test_variables_in_variables_are_filled_a_few_times_and_within_bounds() -> None:
    assert resolved({"a": "{{b}}!\n", "b": "{{c}}", "c": 7, "d": "{{gone}}"}) == {
        "a": "7!",
        "b": "7",
        "c": 7,
        "d": "{{gone}}",
    }
    assert resolved({"a": "{{a}}{{a}}"})["a"].count("{{a}}") < 100  # type: ignore[attr-defined] # it is text
    with pytest.raises(NotCarried, match="grows too long"):
        resolved({"a": "{{b}}" * 2, "b": "x" * (4 << 20)})
