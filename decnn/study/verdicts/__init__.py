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
    at,
    judge,
    need,
    run_cases,
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
    "at",
    "judge",
    "need",
    "run_cases",
    "weakest",
]
