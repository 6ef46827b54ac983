"""Pure functions from values to escaped HTML. Nothing here asks a database or a model."""
