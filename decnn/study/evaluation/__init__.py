"""Trained models to metrics: the protocol, who votes, outliers, groups of images, and how far a measure could move."""
