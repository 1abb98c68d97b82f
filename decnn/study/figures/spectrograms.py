"""Spectrograms to look at and to listen to: Figure 2, with axes in seconds and mel bands, and players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from decnn.data.speech import FRAMES, LogMel, waveforms
from decnn.study.figures.plots import style
from decnn.study.pages.table_pages import region

if TYPE_CHECKING:  # drawing libraries are imported where they draw: most of a small notebook's time is imports
    from matplotlib.figure import Figure

__all__ = ["players_html", "spectrograms"]

WIDE, HIGH = 1.45, 1.35  # inches of one spectrogram


def spectrograms(columns: Mapping[str, Tensor], rows: Sequence[str], scale: LogMel) -> Figure:
    """Figure 2: a row for each example, a column for the input and for what each layer's activation decodes to.

    Time runs from the first frame's centre, 0 s, to the last one's; mel bands are counted from 1, the lowest.

    Arguments:
        columns: name -> images (R, 1, 32, 32); what a decoder gives outside [0, 1] is drawn as 0 or 1.
        rows: R names.
        scale: `Images.log_mel` of the data set that they are of.

    Source: Wu et al. (2021), Figure 2.

    Example:
        >>> from decnn.data.speech import filled
        >>> scale = LogMel(filled(8000, 1.0), mean=-60.0, sd=20.0, low=-100.0, high=0.0)
        >>> figure = spectrograms({"input": torch.rand(2, 1, 32, 32), "$h_8$": torch.rand(2, 1, 32, 32)}, "ab", scale)
        >>> [axes.get_title() for axes in figure.axes[:2]], figure.axes[2].get_xlabel()
        (['input', '$h_8$'], 'seconds')
    """
    from matplotlib.figure import Figure

    frame = scale.recipe.hop / scale.recipe.rate  # seconds
    place = (-frame / 2, (FRAMES - 0.5) * frame, 0.5, FRAMES + 0.5)
    with style():
        figure = Figure(figsize=(WIDE * len(columns) + 1.6, HIGH * len(rows) + 0.8), layout="constrained")
        axes = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False)
        for column, (title, images) in enumerate(columns.items()):
            axes[0, column].set_title(title)
            axes[-1, column].set_xlabel("seconds")
            for row, x in enumerate(images):
                drawn = axes[row, column].imshow(
                    scale.decibels(x[0].detach().float().cpu()).numpy(), vmin=scale.low, vmax=scale.high,
                    cmap="magma", interpolation="none", origin="lower", aspect="auto", extent=place,
                )  # fmt: skip
        for row, name in enumerate(rows):
            axes[row, 0].set_ylabel(f"{name}\nmel band")
            axes[row, 0].set_yticks([1, 16, 32])
        figure.colorbar(drawn, ax=axes, label="dB")
    return figure


def players_html(
    columns: Mapping[str, Tensor],
    rows: Sequence[str],
    scale: LogMel,
    title: str,
    smoke: bool,
    recordings: Sequence[Tensor] = (),
) -> str:
    """The same images as sounds, a player for each; every row is as loud as its loudest, so that layers compare.

    All of them, the input's too, are made from spectrograms (`decnn.data.speech.waveforms`), so what differs within a
    row is what the layer lost. Recordings come first, each as loud as it can be.

    Arguments:
        columns, rows, scale: those of `spectrograms`.
        title: of the table.
        smoke: whether the images are of a smoke run.
        recordings: R waveforms (T,) at the scale's rate that the images were made from; none where there are none.

    Example:
        >>> from decnn.data.speech import filled
        >>> scale = LogMel(filled(8000, 0.5), mean=-60.0, sd=20.0, low=-100.0, high=0.0)
        >>> images, sounds = {"input": torch.rand(2, 1, 32, 32)}, [torch.rand(4000), torch.rand(3000)]
        >>> page = players_html(images, ["one", "two"], scale, "Toy", smoke=True, recordings=sounds)
        >>> page.count("<audio"), page.count("data:audio/wav")
        (4, 4)
    """
    images = torch.stack(list(columns.values()), dim=1)
    sounds = waveforms(images.flatten(0, 1), scale).unflatten(0, images.shape[:2])
    made = [_as_loud(own) for own in sounds]
    if recordings:
        columns = {"recording": None, **columns}
        made = [[_as_loud(r), *own] for r, own in zip(recordings, made, strict=True)]
    head = "".join(f'<th scope="col">{column}</th>' for column in ("", *columns))
    body = "".join(
        f'<tr><th scope="row">{row}</th>'
        + "".join(f"<td>{_player(s, scale, f'{row}, {column}')}</td>" for s, column in zip(own, columns, strict=True))
        + "</tr>"
        for row, own in zip(rows, made, strict=True)
    )
    return region(title, f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>", smoke)


def _as_loud(sounds: Tensor) -> Tensor:
    """Sounds with a peak of 1 among them all."""
    return sounds / sounds.abs().max().clamp(min=1e-8)


def _player(sound: Tensor, scale: LogMel, label: str) -> str:
    from IPython.display import Audio

    page = Audio(sound.numpy(), rate=scale.recipe.rate, normalize=False)._repr_html_()
    return page.replace("<audio", f'<audio aria-label="{label}" style="width:11rem"')
