"""From uops to LLVM text, and from there to host code."""
