#!/usr/bin/env python
"""Durar's command line; `Durar X` is `python manage.py X`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
