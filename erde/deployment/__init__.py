"""What is done with a shipped network: run it, predict a folder, choose an operating point."""
