"""`python -m tme` is `tmesh`."""

import sys

from tme.cli import main

sys.exit(main())
