"""From a trained network to a folder that one can ship."""
