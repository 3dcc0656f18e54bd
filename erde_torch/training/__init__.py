"""The training of teacher and student, apart from what runs it."""
