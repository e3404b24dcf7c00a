"""One optimizer a file. The file's name is the rule's name."""
