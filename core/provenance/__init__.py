"""What proves how a picture was made: metadata, a signed manifest, a pack that stands alone."""
