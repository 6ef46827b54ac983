"""How far attributions can be trusted: checks whose truth is known."""
