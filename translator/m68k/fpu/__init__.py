"""The 68881 and 68882 floating-point coprocessors beside a 68020."""
