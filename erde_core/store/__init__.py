"""The three kinds of HDF5 between the jobs; each is written whole or not at all."""
