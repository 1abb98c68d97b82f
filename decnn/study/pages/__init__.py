"""What a chapter prints: tables, where each number comes from, other readings of the protocol, claims and verdicts."""
