"""What the networks without early exits are called in the table of times. Imports no torch."""

TEACHER, STUDENT = "teacher", "student, no exits"
