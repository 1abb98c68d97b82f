"""The claim ledger and its judge: which statements of the paper the records bear out, and how surely."""

from decnn.study.verdicts.judge import (
    CONTRADICTED,
    DIRECTION,
    NOT_RUN,
    REPRODUCED,
    STATES,
    UNDECIDED,
    Finding,
    Need,
    Verdict,
    as_claimed,
    at,
    judge,
    need,
    weakest,
)

__all__ = [
    "CONTRADICTED",
    "DIRECTION",
    "NOT_RUN",
    "REPRODUCED",
    "STATES",
    "UNDECIDED",
    "Finding",
    "Need",
    "Verdict",
    "as_claimed",
    "at",
    "judge",
    "need",
    "weakest",
]
