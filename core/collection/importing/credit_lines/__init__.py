"""Who made a work, as museums and painters write it: from cells to contributors."""
