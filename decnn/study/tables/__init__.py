"""The paper's tables: which run stands behind each cell, and the printed numbers joined with records."""

from decnn.study.tables.catalogue import DETECTORS, TABLES, Table, precision_pair, specifications, table

__all__ = ["DETECTORS", "TABLES", "Table", "precision_pair", "specifications", "table"]
