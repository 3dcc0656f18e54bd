"""How the weights move: the optimiser, its rate, and gradients that several exits share."""
