"""Speed of the reference, its compiled twins and their rivals; ``make bench`` runs it."""
