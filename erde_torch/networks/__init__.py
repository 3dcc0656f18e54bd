"""Networks with several exits: their families, weights, costs and answers."""
