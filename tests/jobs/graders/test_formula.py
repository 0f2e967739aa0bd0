import math

import pytest

from jobs.graders.formula import MAX_CHARACTERS, FormulaError, parse_formula


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2*3^2", 18),
        ("-2^2", -4),
        ("2^-1", 0.5),
        ("2^3^2", 512),
        ("(2^3)^2", 64),
        ("1+2*3-4/8", 6.5),
        ("-(1 - 3)", 2),
        ("+1", 1),
        ("--1", 1),
        ("1e-9", 1e-9),
        ("1.5E+3 + .5 + 2.", 1502.5),
        ("min(3, 1, 2) + max(4)", 5),
        ("abs(-2) + floor(1.7) + ceil(1.2)", 5),
        ("exp(0) + sqrt(9) + log(1)", 4),
        ("  1 +\n 2\t", 3),
        ("0 ^ 0", 1),
        ("(0-8)^2", 64),
    ],
)
def test_it_computes_as_written_on_paper(text: str, value: float) -> None:
    assert parse_formula(text, ()).value({}) == pytest.approx(value)


def test_names_are_the_graders_and_it_knows_which_it_uses() -> None:
    formula = parse_formula("2 * p * r / max(p + r, 1e-9)", ("p", "r", "exact"))
    assert formula.names == {"p", "r"}
    assert formula.value({"p": 0.5, "r": 1.0, "exact": 0.0}) == pytest.approx(2 / 3)
    assert formula.value({"p": 0.0, "r": 0.0, "exact": 0.0}) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("p +", "is not a formula"),
        ("(p", "is not a formula"),
        ("p q", "is not a formula"),
        ("p ** 2", r"write \^ for a power"),
        ("p // 2", "an operator that a formula does not have"),
        ("p % 2", "`%` has no place"),
        ("p > 1", "`>` has no place"),
        ("'text'", "`'` has no place"),
        ("p; q", "`;` has no place"),
        ("p.real", "`p.real` has no place in a formula"),
        ("(1, 2)", "has no place in a formula"),
        ("1_000", "`1_000` is not a number"),
        ("0x1F", "`0x1F` is not a number"),
        ("2j", "`2j` is not a number"),
        ("2p", "is not a formula: check its numbers"),
        ("007", "is not a formula"),
        ("True", "`True` is not a number"),
        ("None", "`None` is not a number"),
        ("p if q else r", "has no place in a formula"),
        ("lambda", "is not a formula"),
        ("not p", "has no place in a formula"),
        ("precison", "did you mean precision"),
        ("zzz", "its graders are p, q, r, precision"),
        ("sin(1)", "no function sin"),
        ("p(1)", "no function p"),
        ("min", "min, which is not one of its graders"),
        ("min()", "min takes one number or more"),
        ("abs(1, 2)", "abs takes one number"),
        ("log(*p)", "has no place in a formula"),
        ("1e999", "too large"),
        ("9" * 400, "too large"),
        ("abs(" * 150 + "1" + ")" * 150, "deeper than 100"),
        ("(" * 300 + "1" + ")" * 300, "is not a formula"),
        ("-" * 3000 + "1", "deeper than 100"),
        ("+".join(["1"] * 1500), "deeper than 100"),
        ("1" * (MAX_CHARACTERS + 1), "4,097 characters"),
    ],
)
def test_what_is_not_a_formula_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says):
        parse_formula(text, ("p", "q", "r", "precision"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / p", "divides by zero with p = 0"),
        ("0 ^ (p - 1)", "no finite value"),
        ("sqrt(p - 1)", "no finite value"),
        ("log(p)", "no finite value"),
        ("exp(1000 + p)", "no finite value"),
        ("9^9^9 + p", "no finite value"),
        ("1e308 * 10 + p", "no finite value"),
        ("(p - 8)^(1/3)", "no finite value"),
        ("floor(1e308 * 10 + p)", "no finite value"),
        ("1 / 0", "`1 / 0` divides by zero$"),
    ],
)
def test_a_formula_without_a_value_is_an_error_with_the_scores(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says):
        parse_formula(text, ("p",)).value({"p": 0.0})


def test_a_long_flat_sum_of_weights_is_fine() -> None:
    names = [f"g{place}" for place in range(60)]
    text = " + ".join(f"0.5 * {name}" for name in names)
    assert math.isclose(parse_formula(text, names).value(dict.fromkeys(names, 1.0)), 30)
