"""The search for one threshold per exit: starts, and the ascent from each of them."""
