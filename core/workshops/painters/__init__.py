"""One module per style: its motifs, its palettes, and the hands that paint with them."""
