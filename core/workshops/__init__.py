"""The embedded collection: procedural painters and the one command that builds it all."""
