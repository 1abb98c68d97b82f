"""How a toy face is drawn: one soft-edged shape over another, for all faces of a block at once.

Only +, -, *, / and square roots, which IEEE 754 fixes to the last bit, so that a seed gives the same pixels
on every machine; sines and exponentials differ between processors.
"""

from __future__ import annotations

import numpy as np

from decnn.data.celeba import FACE_ATTRIBUTES

__all__ = ["draw"]

SIDE = 32
BLOCK = 250  # faces at once, which bounds the memory
LOOKS = 32  # numbers that a face's looks follow from, whatever its attributes

# Colours, each between two: a face takes one at random from the line that joins them.
SKIN = ((0.93, 0.74, 0.60), (0.56, 0.38, 0.27))
PALE = ((1.00, 0.93, 0.89), (0.97, 0.88, 0.84))
HAIR = {
    "Black_Hair": ((0.05, 0.05, 0.06), (0.11, 0.09, 0.09)),
    "Blond_Hair": ((0.93, 0.80, 0.42), (0.80, 0.64, 0.28)),
    "Brown_Hair": ((0.42, 0.26, 0.14), (0.29, 0.17, 0.09)),
    "Gray_Hair": ((0.76, 0.76, 0.78), (0.58, 0.58, 0.61)),
}
AUBURN = ((0.62, 0.25, 0.11), (0.50, 0.18, 0.10))  # hair of none of the four colours
BALD_BROWS = (0.25, 0.17, 0.12)  # also the mustache's colour where there is no hair to match

RGB = tuple[float, float, float]


def draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one face for each row of attributes.

    Arguments:
        labels: 0 and 1, (N, 18), in the order of `FACE_ATTRIBUTES`; any combination can be drawn.
        rng: for place, size, colours, background and noise; each face takes the same number of draws, so
            a face with another attribute differs in that alone.

    Returns:
        uint8 (N, 32, 32, 3).

    Source: none, this package's own drawing.

    >>> draw(np.zeros((2, 18), np.uint8), np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """
    out = np.empty((len(labels), SIDE, SIDE, 3), np.uint8)
    for start in range(0, len(labels), BLOCK):
        part = labels[start : start + BLOCK].astype(bool)
        u = rng.random((len(part), LOOKS + SIDE * SIDE), dtype=np.float32)
        has = dict(zip(FACE_ATTRIBUTES, part.T[:, :, None, None, None], strict=True))
        grain = u[:, LOOKS:].reshape(-1, 1, SIDE, SIDE) - 0.5
        pixels = _Face(has, u[:, :LOOKS].T[:, :, None, None, None]).canvas + 0.03 * grain
        out[start : start + BLOCK] = (pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8).transpose(0, 2, 3, 1)
    return out


class _Face:
    """Faces under construction. In a face's own coordinates the chin is near v = 0.9 and the crown near -0.9.

    Everything is float32 and broadcasts to (N, channel, row, column).
    """

    def __init__(self, has: dict[str, np.ndarray], u: np.ndarray) -> None:
        self.has, self.u = has, u
        grid = np.arange(SIDE, dtype=np.float32) + 0.5
        x = grid - SIDE / 2 - self.between(0, -1.5, 1.5)
        y = grid[:, None] - SIDE / 2 - self.between(1, 0.8, 2.8)
        self.unit = self.between(2, 10.8, 12.6)  # pixels
        tilt = self.between(3, -0.12, 0.12)
        rest = np.sqrt(1 - tilt * tilt)
        self.x, self.y = (x * rest + y * tilt) / self.unit, (y * rest - x * tilt) / self.unit
        self.side = np.abs(self.x)  # distance from the middle line: most features come in pairs
        self.skin = self.pick("Pale_Skin", self.mix(4, PALE), self.mix(4, SKIN))
        self.hair = self.mix(5, AUBURN)
        for name, ends in HAIR.items():
            self.hair = self.pick(name, self.mix(5, ends), self.hair)
        dark = self.pick("Bald", _rgb(BALD_BROWS), self.hair * 0.6)
        self.dark = np.minimum(dark, self.skin * 0.55)  # blond brows would be lost on dark skin
        top, bottom = self.any_colour(6, 0.45, 0.95), self.any_colour(9, 0.35, 0.85)
        self.canvas = top + (bottom - top) * (grid[:, None] / SIDE) + np.zeros_like(self.x)
        self._hair_behind()
        self._head()
        self._hair_on_top()
        self._eyes()
        self._nose_and_mouth()
        self._hat()

    # --- tools

    def pick(self, name: str, yes: np.ndarray | float, no: np.ndarray | float) -> np.ndarray:
        """One of two for each face, by an attribute."""
        return np.where(self.has[name], np.asarray(yes, np.float32), np.asarray(no, np.float32))

    def between(self, column: int, low: float, high: float) -> np.ndarray:
        """One random number for each face."""
        return low + (high - low) * self.u[column]

    def mix(self, column: int, ends: tuple[RGB, RGB]) -> np.ndarray:
        """One random colour for each face, between two."""
        return _rgb(ends[0]) + (_rgb(ends[1]) - _rgb(ends[0])) * self.u[column]

    def any_colour(self, column: int, low: float, high: float) -> np.ndarray:
        """One random colour for each face, from three columns."""
        return np.concatenate([self.between(column + k, low, high) for k in range(3)], axis=1)

    def ellipse(self, x: float, y: float, width: np.ndarray | float, height: float, pair: bool = False) -> np.ndarray:
        """Signed distance from an ellipse, roughly, in units of the face; half width and half height."""
        a, b = ((self.side if pair else self.x) - x) / width, (self.y - y) / height
        return (np.sqrt(a * a + b * b) - 1) * np.minimum(width, height)

    def box(self, x: float, y: float, width: float, height: float, pair: bool = False) -> np.ndarray:
        """Signed distance from a box, roughly."""
        return np.maximum(np.abs((self.side if pair else self.x) - x) - width, np.abs(self.y - y) - height)

    def paint(
        self, distance: np.ndarray, colour: np.ndarray | RGB, where: np.ndarray | bool = True, alpha: float = 1.0
    ) -> None:
        """Lay a colour over the pixels inside, with an edge one pixel wide."""
        cover = (0.5 - distance * self.unit).clip(0, 1) * alpha * where
        self.canvas += cover * ((_rgb(colour) if isinstance(colour, tuple) else colour) - self.canvas)

    # --- parts, from back to front

    def _hair_behind(self) -> None:
        hair = ~self.has["Bald"]
        width = 0.80 + self.pick("Wavy_Hair", 0.04 + 0.12 * _zigzag(3 * self.y + self.u[12]), 0)
        length = self.pick("Male", 0.05, self.between(13, 0.75, 1.1))
        falling = np.maximum(self.side - width, np.maximum(-0.2 - self.y, self.y - length))
        behind = np.minimum(self.ellipse(0, -0.22, 0.80, 0.86), falling)
        self.paint(behind, self.hair, hair)
        self._strands(behind, hair)
        self.paint(self.box(0, 0.95, 0.30, 0.35), self.skin * 0.80)  # neck
        self.paint(self.ellipse(0, 1.75, 1.15, 0.62), self.any_colour(14, 0.1, 0.9))  # clothes

    def _head(self) -> None:
        self.paint(self.ellipse(0.62, 0.05, 0.12, 0.18, pair=True), self.skin * 0.88)  # ears
        jaw = self.pick("Male", self.ellipse(0, 0.40, 0.58, 0.52), self.ellipse(0, 0.44, 0.40, 0.42))
        head = np.minimum(self.ellipse(0, -0.06, 0.63, 0.86), jaw)
        self.paint(head, self.skin)
        turned = np.where(self.u[17] < 0.5, -self.x, self.x)  # one half lies in the shade
        self.paint(np.maximum(head + 0.04, turned), self.skin * 0.90, alpha=0.6)
        self.paint(self.ellipse(0.12, -0.66, 0.20, 0.09), (1.0, 1.0, 1.0), self.has["Bald"], alpha=0.45)
        self.paint(self.ellipse(0.37, 0.24, 0.16, 0.11, pair=True), (0.93, 0.36, 0.44), self.has["Heavy_Makeup"], 0.6)

    def _hair_on_top(self) -> None:
        hair = ~self.has["Bald"]
        line = self.pick("Receding_Hairline", -0.52 - 0.75 * self.side, -0.50 + 0.75 * self.x * self.x)
        fringe = np.maximum(line, -0.28 + 0.08 * _zigzag(4 * self.x))
        line = np.where(self.has["Bangs"] & (self.side < 0.54), fringe, line)
        cap = np.maximum(self.ellipse(0, -0.12, 0.70, 0.86), self.y - line)
        self.paint(cap, self.hair, hair)
        self._strands(cap, hair)

    def _strands(self, inside: np.ndarray, hair: np.ndarray) -> None:
        """Light stripes: upright in straight hair, across in wavy hair."""
        bright = self.hair + 0.30 * (1 - self.hair)
        upright = np.maximum(inside, 0.5 - _zigzag(4 * self.x + 0.5))
        across = np.maximum(inside, 0.4 - _zigzag(3 * self.y + 0.6 * _zigzag(2 * self.x)))
        self.paint(upright, bright, hair & self.has["Straight_Hair"], alpha=0.8)
        self.paint(across, bright, hair & self.has["Wavy_Hair"], alpha=0.8)

    def _eyes(self) -> None:
        out = self.side - 0.27
        brow = np.abs(self.y + 0.27 + 0.5 * out * out) - self.pick("Bushy_Eyebrows", 0.085, 0.030)
        self.paint(np.maximum(brow, np.abs(out) - 0.17), self.dark * self.pick("Male", 0.65, 0.9))
        self.paint(self.ellipse(0.27, -0.12, 0.17, 0.11, pair=True), (0.42, 0.25, 0.62), self.has["Heavy_Makeup"], 0.8)
        self.paint(self.ellipse(0.27, -0.06, 0.14, 0.085, pair=True), (0.97, 0.97, 0.97))
        self.paint(self.ellipse(0.27, -0.06, 0.065, 0.085, pair=True), self.any_colour(18, 0.05, 0.35))
        ring = np.abs(self.ellipse(0.27, -0.05, 0.22, 0.20, pair=True)) - 0.035
        bridge = np.minimum(self.box(0, -0.08, 0.06, 0.03), self.box(0.57, -0.08, 0.08, 0.03, pair=True))
        self.paint(np.minimum(ring, bridge), self.any_colour(21, 0.0, 0.18), self.has["Eyeglasses"])

    def _nose_and_mouth(self) -> None:
        self.paint(self.ellipse(0, 0.15, 0.055, 0.15), self.skin * 0.80, alpha=0.7)
        self.paint(self.ellipse(0.06, 0.25, 0.05, 0.035, pair=True), self.skin * 0.62)
        lips = self.pick("Heavy_Makeup", _rgb((0.80, 0.06, 0.16)), self.skin * _rgb((0.78, 0.55, 0.55)))
        width = self.pick("Smiling", 0.29, 0.19)
        bend = self.y - self.pick("Smiling", 0.58 - 2.0 * self.x * self.x, 0.52 + 0.6 * self.x * self.x)
        self.paint(np.maximum(np.abs(bend) - 0.05, self.side - width), lips)
        gap, inside = self.has["Mouth_Slightly_Open"], self.ellipse(0, 0.56, width * 0.62, 0.09)
        self.paint(self.ellipse(0, 0.56, width * 0.85, 0.145), lips, gap)
        self.paint(inside, (0.22, 0.04, 0.05), gap)
        self.paint(np.maximum(inside, self.y - 0.53), (0.96, 0.95, 0.92), gap)  # teeth
        bar = np.abs(self.y - 0.36 - 0.55 * self.x * self.x) - 0.07
        self.paint(np.maximum(bar, self.side - 0.28), self.dark, self.has["Mustache"])

    def _hat(self) -> None:
        wears, colour = self.has["Wearing_Hat"], self.any_colour(24, 0.05, 0.95)
        self.paint(self.box(0, -0.90, 0.62, 0.36), colour, wears)
        self.paint(self.box(0, -0.66, 0.64, 0.07), colour * 0.45, wears)  # band
        self.paint(self.ellipse(0, -0.55, 0.98, 0.10), colour * 0.8, wears)  # brim


def _rgb(colour: RGB) -> np.ndarray:
    return np.array(colour, np.float32)[:, None, None]


def _zigzag(t: np.ndarray) -> np.ndarray:
    """A triangle wave of period 1, from -1 to 1."""
    return 1 - 4 * np.abs(t - np.floor(t) - 0.5)
