"""The book's one style, how a figure is shown, and plain charts of numbers."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import quote

from torch import Tensor

if TYPE_CHECKING:  # drawing libraries are imported where they draw: most of a small notebook's time is imports
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "ORANGE",
    "as_html",
    "entropy_histogram",
    "legend_below",
    "lines",
    "look",
    "model_line",
    "show",
    "style",
]

BLUE, ORANGE = "#0173b2", "#d55e00"  # of seaborn's "colorblind": agrees, disagrees
LOOKS = {"paper": (BLUE, "o"), "overnight": (ORANGE, "s"), "reader": ("#029e73", "D"), "smoke": ("0.5", "^")}


def style() -> AbstractContextManager:
    """The book's style as a context: seaborn's ticks, colour-blind safe colours, markers that differ too.

    Example:
        >>> import matplotlib
        >>> with style():
        ...     matplotlib.rcParams["savefig.facecolor"]
        'white'
    """
    import matplotlib
    import seaborn
    from cycler import cycler

    looks = {"color": seaborn.color_palette("colorblind")[:6], "marker": list("osD^vX")}
    return matplotlib.rc_context(
        {
            **seaborn.axes_style("ticks"),
            "axes.prop_cycle": cycler(**looks),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.facecolor": "white",
            "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same
            "font.size": 11,
            "legend.frameon": False,
            "savefig.facecolor": "white",
            "svg.hashsalt": "decnn",  # without a salt the same figure is another file each time
        }
    )


def look(profile: str) -> dict[str, str]:
    """Colour and marker of a profile, the same in every chart; smoke runs, no findings, are grey.

    Example:
        >>> look("smoke")
        {'color': '0.5', 'marker': '^'}
    """
    color, marker = LOOKS[profile]
    return {"color": color, "marker": marker}


def legend_below(figure: Figure, title: str | None = None, columns: int = 4) -> None:
    """One legend for all panels of a figure with constrained layout: every label that any panel shows, once."""
    shown = {}
    for panel in figure.axes:
        marks, labels = panel.get_legend_handles_labels()
        shown |= {label: mark for label, mark in zip(labels, marks, strict=True) if label not in shown}
    figure.legend(shown.values(), shown.keys(), title=title, loc="outside lower center", ncols=columns)


def show(figure: Figure, alt: str, caption: str = "", smoke: bool = False) -> None:
    """Display a figure in a notebook as SVG, with alt text and a caption below it; one of a smoke run is watermarked.

    Example:
        >>> show(lines({"error": [0.1, 0.2]}, "layer", "error"), alt="The error grows.")  # doctest: +ELLIPSIS
        {...}
    """
    from IPython.display import display

    page = as_html(figure, alt, caption)
    page = f'<div class="decnn-smoke">{page}</div>' if smoke else page
    display({"text/html": page, "text/plain": f"[figure] {alt}"}, raw=True)


def as_html(figure: Figure, alt: str, caption: str = "") -> str:
    """A figure as an <img> that holds its SVG and has alt text, so that a page needs no second file.

    Raises:
        ValueError: an empty alt text.

    Example:
        >>> as_html(lines({"error": [0.1, 0.2]}, "layer", "error"), alt="The error grows.")[:36]
        '<figure><img alt="The error grows." '
    """
    if not alt.strip():
        raise ValueError("expected an alt text that says what the figure shows, got an empty one")
    file = io.StringIO()
    with style():
        figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.05)
    svg = file.getvalue().replace('"', "'")
    points = float(re.search(r"<svg [^>]*width='([\d.]+)pt'", svg).group(1))
    # Percent-encoding leaves the images inside, which are base64 already, as they are.
    source = "data:image/svg+xml," + quote(svg, safe=" /:;=,+'()-._")
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure><img alt="{html.escape(alt)}" style="width:{points * 96 / 72:.0f}px;max-width:100%;height:auto" '
        f'src="{source}">{below}</figure>'
    )


def model_line(name: str, specification: Mapping) -> str:
    """One line that names a released model: its training set, steps, decoder width, seed and profile.

    Example:
        >>> training = {"dataset": "mnist", "steps": 3000, "batch_size": 32, "width": 8, "seed": 0}
        >>> model_line("redecnn-mnist", {"training": training, "profile": "reader"})
        'Model: redecnn-mnist (trained on mnist for 3,000 steps of 32, decoder width 8, seed 0, profile reader).'
    """
    t, profile = specification["training"], specification.get("profile")
    known = f", profile {profile}" if profile else ""
    return (
        f"Model: {name} (trained on {t['dataset']} for {t['steps']:,} steps of {t['batch_size']}, "
        f"decoder width {t['width']}, seed {t['seed']}{known})."
    )


def lines(series: Mapping[str, Sequence[float]], xlabel: str, ylabel: str, start: int = 1) -> Figure:
    """Numbers by layer or by depth: one line, with its own marker, for each name; the y axis begins at 0.

    Arguments:
        series: name -> values (n,) at start, start + 1, ...
        xlabel, ylabel: names of the axes, with units.
        start: the first x.

    Example:
        >>> figure = lines({"DecNN": [0.01, 0.02]}, "layer", "squared error (pixel²)")
        >>> figure.axes[0].get_xlabel()
        'layer'
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.subplots()
        for name, values in series.items():
            axes.plot(range(start, start + len(values)), [float(value) for value in values], label=name, clip_on=False)
        axes.set(xlabel=xlabel, ylabel=ylabel, xticks=range(start, start + max(map(len, series.values()))))
        axes.set_ylim(bottom=0)
        if len(series) > 1:
            figure.legend(loc="outside upper left", ncols=2)
    return figure


def entropy_histogram(entropy: Tensor, wrong: Tensor, bins: int = 8) -> Figure:
    """How the votes' entropy is distributed over the right and over the wrong first passes.

    Arguments:
        entropy: (B,) nats.
        wrong: (B,) booleans.
        bins: number of equal-width bins.

    Source: Wu et al. (2021), Table 1b, as a picture.

    Example:
        >>> import torch
        >>> figure = entropy_histogram(torch.tensor([0.0, 0.1, 0.9]), torch.tensor([False, False, True]))
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['right (2)', 'wrong (1)']
    """
    import seaborn
    from matplotlib.figure import Figure

    names = [f"right ({int((~wrong).sum())})", f"wrong ({int(wrong.sum())})"]
    columns = {"entropy": entropy.numpy(), "first pass": [names[int(w)] for w in wrong]}
    with style():
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.subplots()
        seaborn.histplot(
            columns, x="entropy", hue="first pass", hue_order=names, palette=[BLUE, ORANGE], bins=bins,
            stat="percent", common_norm=False, multiple="dodge", shrink=0.85, alpha=1, ax=axes,
        )  # fmt: skip
        axes.set(xlabel="entropy of the votes (nats)", ylabel="share of the group (%)")
    return figure
