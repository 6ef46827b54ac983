"""The credit ledger: share rules, double entry, proof, statements, export. Plain values only."""
