"""The tmesh language: text to statements, statements to connected elements, and the shell around it."""
