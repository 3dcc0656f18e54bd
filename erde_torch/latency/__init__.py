"""How long an image really takes, and the picture of it."""
