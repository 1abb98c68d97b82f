"""Speech in the study: what its tables ask, and how a run hears the sounds of another set."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from decnn.data.speech import LogMel, Recipe
from decnn.study.figures.spectrograms import spectrograms
from decnn.study.specifications import METHODS, SPEECH, profile, specification, tasks
from decnn.study.tables import paper, specifications, table

TABLES = {"table_09a": "audiomnist", "table_09b": "fluent", "speech_fsdd": "fsdd", "speech_commands": "speech_commands"}
READER = profile("reader")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_asks_what_table_9_prints_and_noise_besides(name):
    """Every method for accuracy and ECE, those that vote for the rest; the other set is never the inliers' own."""
    queries = table(name).queries
    asked = {column: {row for row, c in queries if c == column} for _, column in queries}
    every, voting = set(METHODS) - {"Dropout"}, {"ReDecNN", "MC-Dropout", "BayesNN", "Ensemble"}
    voted = ("Misclass.", "OOD", "OOD (noise)")
    assert asked == {"Acc": every, "ECE": every, **dict.fromkeys(voted, voting)}
    assert {query.dataset for query in queries.values()} == {TABLES[name]}
    outliers = {query.settings.get("outliers") for query in queries.values()}
    assert len(outliers) == 3
    assert outliers <= {None, "white-noise", *SPEECH} - {TABLES[name]}


@pytest.mark.parametrize("name", ["table_09a", "table_09b"])
def test_every_printed_number_of_table_9_has_a_query(name):
    printed = {(cell.row, cell.column) for cell in paper.printed(name) if cell.text}
    assert printed <= set(table(name).queries)


def test_tables_share_their_smoke_runs():
    """On toy speech the four tables and the default recipe differ in nothing but the outliers."""
    trained = {spec.training_key for name in TABLES for spec in specifications(name, "smoke")}
    assert len(trained) == len(set(METHODS) - {"Dropout"})
    both = {spec.training_key for spec in specifications("recipes", "smoke")}
    assert trained < both
    assert len(both) == 2 * len(trained)


def test_recipes_differ_in_the_recipe_alone_and_share_the_tables_runs():
    queries = table("recipes").queries
    filled, paper_groups = (
        queries["Standard", f"FSDD: {recipe}"].specification(READER, 0) for recipe in ("filled", "viewmaker")
    )
    assert filled == specification("Standard", "fsdd", READER, 0)
    assert dataclasses.replace(paper_groups.training, recipe=None) == filled.training
    assert paper_groups.training_key != filled.training_key


@pytest.mark.parametrize("recipe", [None, "viewmaker"])
def test_outliers_go_through_the_inliers_recipe_and_map(recipe):
    torch.set_default_dtype(torch.float32)
    training = specification("Standard", "fsdd", profile("smoke"), 0, recipe=recipe).training
    inliers, noise = tasks.load(training, "train"), tasks.others(training, "white-noise")
    assert inliers.log_mel.recipe.name == (recipe or "filled")
    assert noise.log_mel == inliers.log_mel
    loud = noise.log_mel.decibels(noise.images.amax((1, 2, 3)))
    assert loud.max() - loud.min() > 30  # noise of any loudness stays so


def test_other_pictures_are_taken_as_they_are(images):
    training = specification("Standard", "mnist", READER, 0).training
    assert torch.equal(tasks.others(training, "fashion_mnist").images, images("fashion_mnist", "test").images)


def test_figure_2_has_seconds_and_mel_bands_on_its_axes():
    """Frames are centred at 0, hop, ..., 31 hop; bands at 1..32 from below; and colours are decibels."""
    hop = 0.02
    scale = LogMel(Recipe("toy", rate=1_000, samples=630, hop=20, n_fft=40), mean=-50, sd=20, low=-100, high=0)
    x = torch.zeros(2, 1, 32, 32)
    x[0, 0, 4, 10] = 0.75  # band 5, frame 10
    figure = spectrograms({"input": x, "layer 8": 2 * x}, ["one", "two"], scale)
    axes, bar = figure.axes[:4], figure.axes[-1]
    assert [a.get_title() for a in axes[:2]] == ["input", "layer 8"]
    assert [axes[2].get_xlabel(), axes[2].get_ylabel(), bar.get_ylabel()] == ["seconds", "two\nmel band", "dB"]
    (image,) = axes[0].images
    left, right, bottom, top = image.get_extent()
    assert (left + hop / 2, right - hop / 2) == pytest.approx((0, 31 * hop))
    assert (bottom, top, image.origin) == (0.5, 32.5, "lower")
    shown = image.get_array()
    assert (shown[4, 10], shown.min()) == (-25, -100)
    assert [a.images[0].get_clim() for a in axes] == [(-100, 0)] * 4
