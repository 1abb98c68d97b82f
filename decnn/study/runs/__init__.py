"""Runs and their records: what is missing is trained or taken from the cache, evaluated, and written as one JSON."""
