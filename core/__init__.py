"""The engine of Creditline: collection, diffusion, attribution, ledger. Knows no user interface."""
