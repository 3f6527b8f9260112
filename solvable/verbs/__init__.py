"""What a user asks for, one verb a file. No name of the face is the name of a submodule of ``solvable``."""
