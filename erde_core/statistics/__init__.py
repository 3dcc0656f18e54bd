"""What samples allow one to say: exact tails, halves of a split, bootstrap and its intervals."""
