"""Images that do not lie on the device, their views from the CPU, and drawn parts of a split."""
