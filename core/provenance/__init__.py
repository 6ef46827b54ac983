"""What a picture says about itself: facts in its metadata, evidence in a pack. Plain values."""
