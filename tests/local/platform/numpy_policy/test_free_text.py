import pytest

from local.platform.numpy_policy.free_text import FORMS, choices_in, choices_named, forms_in
from local.platform.numpy_policy.policy import words


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("Answer with yes, no or maybe.", ("yes", "no", "maybe")),
        ("Answer yes or no: did it rain?", ("yes", "no")),
        ("Reply with one of: refund, late delivery, other", ("refund", "late delivery", "other")),
        ("Labels:\n- wheat\n- dried fruit\n\nThe text follows.", ("wheat", "dried fruit")),
        ('Classify the mail as either "spam" or "ham".', ("spam", "ham")),
        ("Answer with one of 财务, 环境, 法律.", ("财务", "环境", "法律")),
        ("这封信属于哪个部门\uff1f只写部门的名称\uff1a财务、环境或法律。", ("财务", "环境", "法律")),
        ("请选择\uff1a是、否或者不确定", ("是", "否", "不确定")),
        ("判断下列说法\uff1a对/错", ("对", "错")),
        ("答案是什么\uff1a这个问题又长又难谁也说不清楚\uff0c我们不知道应该怎么回答它才好。", ()),
        ("第3号来信谈到银行和预算的问题\uff0c也谈到税款。", ()),
        ("Which is heavier?\nA) cod\nB) oak\nC) a feather", ("A", "B", "C")),
        ("Rate the review on a scale from 0 to 3.", ("0", "1", "2", "3")),
        ("Choose one of the four options, and give a short reason.", ()),
        ("Answer with the letter of the right option.", ()),
        ("Sum up the text in one sentence, please.", ()),
        ("Ship 3 landed cod, rye and oak this morning.", ()),
        ("B) cod is out of order\nA) here", ()),
        ("Give a number between 0 and 5000.", ()),
    ],
)
def test_choices_are_read_where_a_prompt_names_them(prompt: str, named: tuple[str, ...]) -> None:
    assert choices_named(prompt) == named


def test_what_one_example_names_does_not_belong_to_the_instructions() -> None:
    prompts = ["Answer with left or right.\nTurn 1", "Answer with left or right.\nTurn 2", "Turn 3"]

    assert choices_in(prompts) == ("left", "right")
    assert choices_in([*prompts, "Turn 4", "Turn 5"]) == ()


def test_forms_are_the_usual_ones_and_those_that_the_instructions_quote() -> None:
    assert forms_in(['End with "Verdict: X".', "Say “Verdict: X”.", "Say 'Aside: X'."]) == (*FORMS, "Verdict: {}")
    assert forms_in(["请写“答案\uff1aB”。"])[-1] == "答案\uff1a{}"
    assert forms_in(['End with "Answer: B".']) == FORMS


def test_writing_without_spaces_is_parted_into_pairs_of_characters() -> None:
    assert words("财务报告 by Anna, 税") == ["财务", "务报", "报告", "by", "anna"]
    assert words("Köln und 東京") == ["köln", "und", "東京"]
