"""Where libraries disagree: one file per axis, one named function per reading. Rules take them as holes."""
