"""Fragments of chapters with a slider: each shows one state as it is, and holds the data of all for sliders.js."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from decnn import metrics
from decnn.study.evaluation.sampling import label_entropy
from decnn.study.pages.table_pages import region
from decnn.study.runs import votes

__all__ = ["BIN", "histogram", "layers_html", "votes_html"]

BIN = 200_000  # millionths of a nat, whole so that Python and JavaScript agree on every edge
WIDTH, HEIGHT = 640, 306
LEFT, RIGHT, TOP, BOTTOM = 52, 616, 34, 254  # of the plot
BAR = 20


def layers_html(
    images: Tensor,
    decodings: Sequence[Tensor],
    labels: Tensor,
    predictions: Tensor,
    class_names: Sequence[str],
    *,
    readings: Sequence[Tensor],
) -> str:
    """Inputs and below each what one layer's activation decodes to: the last layer, and by slider any.

    The arguments are those of `pictures.decoded_activations`.

    Source: Wu et al. (2021), Figure 3.

    Example:
        >>> x, y = torch.rand(2, 1, 32, 32), torch.tensor([0, 1])
        >>> page = layers_html(x, [x / 2, x / 3], y, y, ["coat", "bag"], readings=[y, 1 - y])
        >>> page.count("<img"), "read as bag" in page, "<b>0 of 2</b> decodings of h<sub>2</sub>" in page
        (4, True, True)
    """
    layers = [
        {
            "images": list(map(_png, decoded)),
            "classes": [class_names[k] for k in read],
            "same": (read == predictions).tolist(),
        }
        for decoded, read in zip(decodings, readings, strict=True)
    ]
    last = layers[-1]
    columns = zip(images, labels, predictions, last["images"], last["classes"], last["same"], strict=True)
    examples = "".join(
        f'<li><img class="dark-light" alt="input of class {_text(class_names[y])}, read as '
        f'{_text(class_names[k])}" src="{_png(x)}"><img class="dark-light decoding{"" if same else " differs"}" '
        f'alt="its decoding of layer {len(layers)}, read as {_text(name)}" src="{decoded}">'
        f'<span class="{"" if same else "differs"}">read as {_text(name)}</span></li>'
        for x, y, k, decoded, name, same in columns
    )
    return (
        '<div class="decnn-slider decnn-layers" role="group" aria-label="Decodings by layer">'
        f'<p role="status"><b>{sum(last["same"])} of {len(images)}</b> decodings of h<sub>{len(layers)}</sub> are '
        f'read as their input is.</p><ul class="examples">{examples}</ul>{_data({"layers": layers})}</div>'
    )


def votes_html(content: Mapping, about: str) -> str:
    """Histograms of the votes' entropy of inliers and outliers with their AUROC: all paths at full depth, or by slider.

    Arguments:
        content: committed votes, as `votes.read` gives them.
        about: a line on the model that cast them.

    Source: Wu et al. (2021), Eq. 6 and Table 2.

    Example:
        >>> labels = torch.tensor([[[0, 0], [0, 1]]])  # one depth, two paths, two images
        >>> about = {"split": "test", "checksum": "0" * 16, "examples": 2, "votes": votes.pack(labels)}
        >>> sets = {"inliers": {**about, "name": "digits"}, "outliers": {**about, "name": "noise"}}
        >>> made = {"device": {"name": "CPU"}, "commit": "0" * 40, "date": "2026-01-01"}
        >>> content = {"model": "m", "key": "k", "seed": 0, "depth": 1, "paths": 2, "num_classes": 2, **made}
        >>> "AUROC 0.5000" in votes_html({**content, "sets": sets}, "A model.")
        True
    """
    depth, num_paths, classes = (content[name] for name in ("depth", "paths", "num_classes"))
    sets = {role: content["sets"][role] for role in ("inliers", "outliers")}
    labels = {role: votes.unpack(s["votes"], (depth, num_paths, s["examples"]))[-1] for role, s in sets.items()}
    entropies = {role: label_entropy(part, classes) for role, part in labels.items()}
    counts = {role: histogram(values, classes) for role, values in entropies.items()}
    outlier = torch.arange(sum(map(len, entropies.values()))) >= len(entropies["inliers"])
    auroc = metrics.auroc(torch.cat(list(entropies.values())), outlier)
    names = {role: f"{s['examples']} {role} ({s['name']})" for role, s in sets.items()}
    data = {
        **{name: content[name] for name in ("depth", "paths", "num_classes")},
        "bin": BIN,
        **{role: s["votes"] for role, s in sets.items()},
    }
    return (
        '<div class="decnn-slider decnn-votes" role="group" aria-label="Entropy of votes by depth and number of paths">'
        f'<p role="status"><b>AUROC {auroc:.4f}</b> at depth {depth} with {num_paths} paths, on '
        f"{' and '.join(map(_text, names.values()))}.</p>{_chart(counts, names)}"
        f"<details><summary>The counts as a table</summary>{_counts_html(counts)}</details>"
        f'<p class="provenance">{_text(about)} {_made_by(content, sets)}</p>{_data(data)}</div>'
    )


def histogram(entropies: Tensor, num_classes: int) -> list[int]:
    """How many entropies (B,), in nats, fall into each bin of 0.2 nats from 0 to ln K.

    Example:
        >>> histogram(torch.tensor([0.0, 0.1, 0.2, 0.693147]), num_classes=2)
        [2, 1, 0, 1]
    """
    bins = entropies.double().mul(1e6).round().long() // BIN
    return bins.bincount(minlength=math.ceil(math.log(num_classes) * 1e6 / BIN)).tolist()


def _chart(counts: Mapping[str, Sequence[int]], names: Mapping[str, str]) -> str:
    """Bars in the theme's colours; sliders.js changes their heights alone."""
    bins = len(next(iter(counts.values())))
    step, full = (RIGHT - LEFT) / bins, BOTTOM - TOP
    lines, bars = [], []
    for share in range(0, 101, 25):
        y = BOTTOM - full * share / 100
        lines.append(f'<path d="M{LEFT} {y:g}H{RIGHT}"/><text x="{LEFT - 6}" y="{y + 4:g}" class="y">{share}</text>')
    for edge in range(0, bins + 1, 2):
        nats = f"{edge * BIN / 1e6:.1f}"
        lines.append(f'<text x="{LEFT + edge * step:.1f}" y="{BOTTOM + 18}" class="x">{nats}</text>')
    for side, (role, heights) in enumerate(counts.items()):
        filling = ' fill="url(#decnn-hatch)"' if role == "outliers" else ""
        for place, count in enumerate(heights):
            x, height = LEFT + (place + 0.5) * step + (side - 1) * BAR, full * count / sum(heights)
            bars.append(
                f'<rect class="{role}"{filling} x="{x:.1f}" y="{BOTTOM - height:.2f}" width="{BAR}" '
                f'height="{height:.2f}"/>'
            )
    legend = "".join(f'<li class="{role}">{_text(name)}</li>' for role, name in names.items())
    return (
        f'<ul class="legend">{legend}</ul><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Histogram of the entropy of the votes of inliers and of outliers; its counts are in the table '
        f'below." data-bottom="{BOTTOM}" data-full="{full}"><defs><pattern id="decnn-hatch" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V6"/></pattern></defs>'
        f'{"".join(lines)}{"".join(bars)}<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 10}" class="x">entropy of the '
        f'votes (nats)</text><text x="0" y="16">share of the group (%)</text></svg>'
    )


def _counts_html(counts: Mapping[str, Sequence[int]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("entropy (nats)", *counts))
    rows = "".join(
        f'<tr><th scope="row">{place * BIN / 1e6:.1f} to {(place + 1) * BIN / 1e6:.1f}</th>'
        f"{''.join(f'<td>{count}</td>' for count in line)}</tr>"
        for place, line in enumerate(zip(*counts.values(), strict=True))
    )
    return region("Images by entropy", f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>", smoke=False)


def _made_by(content: Mapping, sets: Mapping[str, Mapping]) -> str:
    data = "; ".join(f"{s['name']} {s['split']} {s['checksum']}" for s in sets.values())
    return (
        f"Votes: book/votes/{_text(content['model'])}.json; specification {content['key']}, paths of seed "
        f"{content['seed']}, {_text(data)}; commit {content['commit'][:10]}, {content['date'][:10]}, "
        f"{_text(content['device']['name'])}; made by <code>decnn release --votes</code>."
    )


def _png(image: Tensor) -> str:
    """(C, H, W) in [0, 1] as the address of a PNG that it holds itself; grey or colour."""
    from PIL import Image

    levels = image.detach().float().cpu().clamp(0, 1).mul(63).round().mul(255 / 63)  # 64 levels: a smaller page
    pixels = levels.byte().permute(1, 2, 0).squeeze(-1).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _data(content: Mapping) -> str:
    text = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")  # no tag can end the element
    return f'<script type="application/json">{text}</script>'


def _text(text: str) -> str:
    return html.escape(text)
