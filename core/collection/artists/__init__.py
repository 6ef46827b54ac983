"""Who is meant by a name: identity, decisions about it, and wishes to be left out."""
