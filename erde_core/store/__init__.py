"""The three kinds of HDF5 between the stages; each is written whole or not at all."""
