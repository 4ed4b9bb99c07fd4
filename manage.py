#!/usr/bin/env python
"""Durar's command line; `Durar X` is `python manage.py X`."""

import os
import sys

if sys.version_info < (3, 11):
    # This file must be readable by old Pythons, or they would answer with a SyntaxError.
    sys.exit(
        "Durar needs Python 3.11 or newer; this is Python %d.%d. Run it with a newer one, or let `make run` choose."
        % sys.version_info[:2]
    )


def main():
    """Run the command. What a deployment got wrong in its environment is one sentence and exit status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit("Durar's packages are not installed (%s). `make run` installs them." % error)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
