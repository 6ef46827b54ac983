"""Who may do what: roles, the accounts of a home, their passwords, sessions and tokens."""
