"""Methods of fitting scaling laws, judged where the truth is known exactly."""
