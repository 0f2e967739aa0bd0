"""Finding room for words beside points, so that none lies over another or over what it explains."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DIRECTIONS = 16
RADII = (20.0, 30.0, 44.0, 62.0, 84.0, 112.0, 150.0, 200.0, 260.0)
"""Pixels from a point to its words; far away costs more."""
NEAR = 40.0
"""Words farther off than this need a line to their point."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        """The pixel in its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def holds(self, other: "Box") -> bool:
        """Return whether all of `other` lies inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def shared(self, other: "Box") -> float:
        """Return how many square pixels both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of the box that is nearest to a pixel."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What words should not lie on; `weight` is how bad each square pixel is."""

    box: Box
    weight: float


def around(x: float, y: float, half: float) -> Box:
    """Return the square of twice `half` pixels around a pixel."""
    return Box(x - half, y - half, x + half, y + half)


def centred(x: float, y: float, width: float, height: float) -> Box:
    """Return the box of a size whose middle is a pixel."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def beside(
    point: tuple[float, float], size: tuple[float, float], obstacles: Sequence[Obstacle], field: Box
) -> tuple[Box, bool]:
    """Return where words of a size go beside a point, within `field`, and whether they need a line to it.

    Of a fixed set of places the one is taken that covers least of what is there and lies nearest; the same input gives
    the same place.
    """
    places = [(box, far) for box, far in _places(point, size) if field.holds(box)]
    if not places:
        width, height = size
        x = min(max(point[0], field.left + width / 2), field.right - width / 2)
        y = min(max(point[1], field.top + height / 2), field.bottom - height / 2)
        return centred(x, y, width, height), False
    box, far = min(places, key=lambda place: place[1] + cost(place[0], obstacles))
    return box, far > NEAR


def least_covering(boxes: Sequence[Box], obstacles: Sequence[Obstacle]) -> Box:
    """Return the first of the boxes that covers least of what is there."""
    return min(boxes, key=lambda box: round(cost(box, obstacles)))


def cost(box: Box, obstacles: Sequence[Obstacle]) -> float:
    """Return how bad it is to write there."""
    return sum(obstacle.box.shared(box) * obstacle.weight for obstacle in obstacles)


def _places(point: tuple[float, float], size: tuple[float, float]) -> Iterator[tuple[Box, float]]:
    x, y = point
    width, height = size
    for radius in RADII:
        for number in range(DIRECTIONS):
            angle = 2 * math.pi * number / DIRECTIONS - math.pi / 4  # up and to the right first
            across, down = math.cos(angle), math.sin(angle)
            middle = x + across * (radius + width / 2), y + down * (radius + height / 2)
            yield centred(*middle, width, height), radius
