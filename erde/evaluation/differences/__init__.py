"""How sure the differences between variants are, over resamples of the test images."""
