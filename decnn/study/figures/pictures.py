"""Figures made of images: decodings, paths, votes, certain and uncertain examples, corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from decnn.compose import Step
from decnn.study.figures.plots import BLUE, ORANGE, style
from decnn.uncertainty import vote_entropy

if TYPE_CHECKING:  # drawing libraries are imported where they draw: most of a small notebook's time is imports
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["certain_and_uncertain", "decoded_activations", "read_by", "sheet", "votes", "walk"]

TILE = 0.62  # inches of one small image
AS_IT_IS = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "none"}  # pixels, neither stretched nor smoothed


def decoded_activations(
    images: Tensor,
    decodings: Sequence[Tensor],
    labels: Tensor,
    predictions: Tensor,
    class_names: Sequence[str],
    *,
    readings: Sequence[Tensor] | None = None,
) -> Figure:
    """Figure 3: a row for each example, its input and then what each layer's activation decodes to.

    Arguments:
        images: inputs (B, C, H, W).
        decodings: g(h_1), ..., g(h_L), each (B, C, H, W).
        labels: true classes (B,).
        predictions: classes (B,) of the first pass.
        class_names: K names.
        readings: classes (B,) that f reads in each decoding; one that differs from the first pass is framed.

    Source: Wu et al. (2021), Figure 3.

    Example:
        >>> x, y = torch.rand(2, 1, 32, 32), torch.tensor([0, 1])
        >>> figure = decoded_activations(x, [x / 2, x / 3], y, y, ["coat", "bag"])
        >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
        ['coat → coat', 'bag → bag']
    """
    names = [f"{class_names[y]} → {class_names[k]}" for y, k in zip(labels, predictions, strict=True)]
    with style():
        tiles = torch.stack([images, *decodings], dim=1)
        axes, columns, rows = _grid(tiles, left=max(1.5, 0.09 * max(map(len, names))), gap=(3, 3))
        axes.set_xticks(columns, ["input", *(f"$h_{layer}$" for layer in range(1, len(columns)))])
        axes.set_yticks(rows, names)
        axes.set_xlabel("decoded from layer")
        axes.text(-0.5, -8, "true class → f(x)  ", ha="right", va="bottom")
        for layer, classes in enumerate(readings or [], start=1):
            for row in (classes != predictions).nonzero().flatten().tolist():
                _frame(axes, columns[layer], rows[row], *images.shape[-2:])
    return axes.figure


def walk(
    images: Tensor,
    steps: Sequence[Step],
    class_names: Sequence[str],
    path: Sequence[int],
    *,
    second: Sequence[Tensor] | None = None,
    names: Sequence[str] = (),
) -> Figure:
    """A path image by image: what f reads at each depth, and below it the class it sees and its probability.

    A class is blue where it is the one of the first pass, that of a second network where f names it too.

    Arguments:
        images: inputs (B, C, H, W).
        steps: the D + 1 steps of `DecNN.recompose(images, path)`.
        class_names: K names.
        path: D layers.
        second: D + 1 logits (B, K) of another network m on the same images, shown below those of f.
        names: of the B rows.

    Source: Wu et al. (2021), section 4.1; with m section 4.2.

    Example:
        >>> import decnn
        >>> model, x = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval(), torch.rand(2, 1, 32, 32)
        >>> figure = walk(x, model.recompose(x, [3, 8]), list("0123456789"), [3, 8])
        >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
        ['input', '$g(h_3)$', '$g(h_8)$']
    """
    tiles = torch.stack([images, *(step.x_hat for step in steps[1:])], dim=1)
    first = [step.logits for step in steps]
    asked = [("", first, [first[0]] * len(steps))]
    if second is not None:
        asked = [("f ", first, [first[0]] * len(steps)), ("m ", second, first)]
    between = "\n" if second is None else " "
    left = max(0.3, 0.09 * max(map(len, names), default=0))
    with style():
        axes, columns, rows = _grid(tiles, left, gap=(17, 6), below=17)
        axes.set_xticks(columns, ["input", *(f"$g(h_{layer})$" for layer in path)])
        axes.set_yticks(rows if names else [], names)
        axes.set_xlabel("depth 0, 1, 2, ... and the layer decoded to get there")
        for line, (who, logits, others) in enumerate(asked):
            for depth, (own, other) in enumerate(zip(logits, others, strict=True)):
                shares, classes = own.float().softmax(-1).max(-1)
                for row, (share, k) in enumerate(zip(shares.tolist(), classes.tolist(), strict=True)):
                    same = k == other[row].argmax()
                    look = {"color": BLUE} if same else {"color": ORANGE, "weight": "bold"}
                    text = f"{who}{class_names[k]}{between}{share:.2f}"
                    axes.text(
                        columns[depth], rows[row] + 18 + 9 * line, text, ha="center", va="top", fontsize=8.5, **look
                    )
    return axes.figure


def votes(images: Tensor, votes: Tensor, class_names: Sequence[str], labels: Tensor | None = None) -> Figure:
    """Inputs, and beside each how many sampled classifiers vote for each class, with the votes' entropy.

    Arguments:
        images: inputs (B, C, H, W).
        votes: labels (N, B), one row for each sampled classifier.
        class_names: K names.
        labels: true classes (B,), named above the bars; None if there are none.

    Source: Wu et al. (2021), Eq. 6.

    Example:
        >>> figure = votes(torch.rand(2, 1, 32, 32), torch.tensor([[0, 0], [0, 1]]), ["coat", "bag"])
        >>> [axes.get_title(loc="left") for axes in figure.axes[1::2]]
        ['entropy 0.00 nats', 'entropy 0.69 nats']
    """
    from matplotlib.figure import Figure

    entropy = vote_entropy(votes, len(class_names))
    truth = [f"true class {class_names[y]}, " for y in labels] if labels is not None else [""] * len(images)
    with style():
        figure = Figure(figsize=(6.4, 1.15 * len(images) + 0.7), layout="constrained")
        grid = figure.subplots(len(images), 2, squeeze=False, sharex="col", width_ratios=[1, 5])
        for row, (left, right) in enumerate(grid):
            left.imshow(_pixels(images[row]), **AS_IT_IS)
            left.set_axis_off()
            counts = votes[:, row].bincount(minlength=len(class_names)).tolist()
            right.bar(range(len(class_names)), counts, color=BLUE)
            right.set(ylim=(0, len(votes)), yticks=[0, len(votes)], ylabel="votes")
            right.set_title(f"{truth[row]}entropy {entropy[row]:.2f} nats", loc="left", fontsize=11)
        slanted = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if max(map(len, class_names)) > 2 else {}
        right.set_xticks(range(len(class_names)), class_names, **slanted)
        right.set_xlabel("class")
    return figure


def certain_and_uncertain(images: Tensor, entropy: Tensor, labels: Tensor, class_names: Sequence[str]) -> Figure:
    """Figure 4: of each class (a column) an example whose votes agree most, and one whose votes agree least.

    Arguments:
        images: inputs (B, C, H, W).
        entropy: of the votes (B,), in nats.
        labels: true classes (B,); classes without an example have no column.
        class_names: K names.

    Source: Wu et al. (2021), Figure 4.

    Example:
        >>> x, y = torch.rand(4, 1, 32, 32), torch.tensor([0, 0, 1, 1])
        >>> figure = certain_and_uncertain(x, torch.tensor([0.1, 0.9, 0.7, 0.2]), y, ["coat", "bag"])
        >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
        ['coat\\n0.10\\n0.90', 'bag\\n0.20\\n0.70']
    """
    columns: dict[str, Tensor] = {}
    for k in labels.unique().tolist():
        own = (labels == k).nonzero().flatten()
        low, high = (int(own[place]) for place in (entropy[own].argmin(), entropy[own].argmax()))
        columns[f"{class_names[k]}\n{entropy[low]:.2f}\n{entropy[high]:.2f}"] = images[[low, high]]
    return sheet(
        columns,
        ["certain", "uncertain"],
        "class; entropy of the votes in nats, of the certain and of the uncertain image",
    )


def read_by(rows: Mapping[str, Tensor], probabilities: Tensor, columns: Sequence[str], xlabel: str = "") -> Figure:
    """Named rows of images, and below each image the probability of "yes" that a classifier reads in it.

    Arguments:
        rows: name -> images (Q, C, H, W).
        probabilities: (R, Q), those from 1/2 on in bold orange.
        columns: Q names.

    Source: Wu et al. (2021), Eq. 8: what m says of decoded inputs.

    Example:
        >>> x = torch.rand(2, 3, 32, 32)
        >>> figure = read_by({"bald": x}, torch.tensor([[0.9, 0.4]]), ["input", "$h_1$"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0.90', '0.40']
    """
    with style():
        left = max(1.0, 0.085 * max(map(len, rows)))
        axes, centres, lines = _grid(torch.stack(list(rows.values())), left=left, gap=(13, 3), below=12)
        axes.set_xticks(centres, list(columns))
        axes.set_yticks(lines, list(rows))
        axes.set_xlabel(xlabel)
        for y, line in zip(lines, probabilities.tolist(), strict=True):
            for x, p in zip(centres, line, strict=True):
                look = {"color": ORANGE, "weight": "bold"} if p >= 0.5 else {"color": BLUE}
                axes.text(x, y + 18, f"{p:.2f}", ha="center", va="top", fontsize=8.5, **look)
    return axes.figure


def sheet(columns: Mapping[str, Tensor], rows: Sequence[str], xlabel: str = "") -> Figure:
    """Named columns of images (R, C, H, W), one below the other, with a name for each of the R rows.

    Example:
        >>> figure = sheet({"input": torch.rand(2, 1, 32, 32), "fog": torch.rand(2, 1, 32, 32)}, ["coat", "bag"])
        >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
        ['input', 'fog']
    """
    with style():
        axes, centres, lines = _grid(torch.stack(list(columns.values()), dim=1), left=1.0, gap=(3, 3))
        slanted = {"rotation": 45, "ha": "left"} if max(map(len, columns)) > 6 and len(columns) > 10 else {}
        axes.set_xticks(centres, list(columns), fontsize=9, **slanted)
        axes.set_yticks(lines, rows)
        axes.set_xlabel(xlabel)
    return axes.figure


def _grid(tiles: Tensor, left: float, gap: tuple[int, int], below: int = 0) -> tuple[Axes, list[float], list[float]]:
    """Draw tiles (R, Q, C, H, W) as one picture, which keeps the SVG small.

    Arguments:
        left: inches for the names of the rows.
        gap: pixels between rows and between columns; `below`: those under the last row.

    Returns the axes, and the centres of the columns and of the rows in pixels.
    """
    from matplotlib.figure import Figure

    rows, columns, channels, height, width = tiles.shape
    down, across = height + gap[0], width + gap[1]
    canvas = torch.ones(channels, rows * down - gap[0] + below, columns * across - gap[1])
    for row in range(rows):
        for column in range(columns):
            canvas[:, row * down :, column * across :][:, :height, :width] = tiles[row, column]
    size = (left + columns * TILE * across / width, 0.8 + rows * TILE * down / height)
    axes = Figure(figsize=size, layout="constrained").subplots()
    axes.imshow(_pixels(canvas), **AS_IT_IS)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    return axes, _centres(columns, across, width), _centres(rows, down, height)


def _centres(count: int, step: int, side: int) -> list[float]:
    return [i * step + (side - 1) / 2 for i in range(count)]


def _pixels(image: Tensor) -> np.ndarray:
    """(C, H, W) as matplotlib draws it: grey (H, W) or colour (H, W, 3), cut to [0, 1]."""
    image = image.detach().float().cpu().clamp(0, 1).mul(63).round().div(63)  # 64 levels: half the file
    return image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()


def _frame(axes: Axes, x: float, y: float, height: int, width: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (x - width / 2 - 0.5, y - height / 2 - 0.5)
    axes.add_patch(Rectangle(corner, width + 1, height + 1, fill=False, edgecolor=ORANGE, linewidth=1.6))
