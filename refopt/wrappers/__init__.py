"""Rules that take a rule: one a file, in the same form as ``refopt.rules``."""
