"""The claim ledger and its judge: which statements of the paper the records bear out, and how surely."""
