"""Files and hashes: what knows nothing of models."""
