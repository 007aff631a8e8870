"""File systems of SunOS 4: made, listed, extracted, checked without a Sun (`python -m tme.tools.ffs`)."""
