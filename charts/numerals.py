"""How a figure is written, in pictures and in words alike."""


def numeral(value: float) -> str:
    """Return `value` with two decimals, or three significant digits from 100 on; never "-0.00"."""
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    return text.removeprefix("-") if float(text) == 0 else text
