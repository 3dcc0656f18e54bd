"""Networks one after the other: each takes the image that those before it were unsure of."""
