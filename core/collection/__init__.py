"""What a model learnt from: works, artists, their files; safe image decoding; imports.

Knows nothing of torch, of any model, or of who shows it.
"""
