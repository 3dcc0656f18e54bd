"""Images that do not lie on the device, and the views that are made of them on the CPU."""
