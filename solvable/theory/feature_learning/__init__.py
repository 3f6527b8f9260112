"""Features that learn: closed equations of a network's and of a neuron's order parameters."""
