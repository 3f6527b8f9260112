"""Theories of the perceptron that learns a teacher's labels from selected inputs."""
