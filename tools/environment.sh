#!/bin/sh
# Makes the virtual environment .venv and keeps it as requirements.txt says; does nothing when it already is.
# Needs Python 3.11 or newer (PYTHON=... names one) and a package index. Also writes .venv/bin/Durar.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if usable "$name"; then echo "$name"; return; fi
    done
    echo "Durar needs Python 3.11 or newer, and found none. Install it, or name it: make run PYTHON=/path/to/python3" >&2
    return 1
}

# What the environment was made from: another list, another place or another Python means: make it anew.
wanted="$here $(cksum < requirements.txt)"
if ! usable .venv/bin/python || [ "$(cat .venv/made-from 2>/dev/null)" != "$wanted" ]; then
    if ! usable .venv/bin/python || ! grep -q "^$here " .venv/made-from 2>/dev/null; then
        python=$(find_python)
        echo "Making the virtual environment .venv with $("$python" --version)."
        rm -rf .venv
        if ! "$python" -m venv .venv; then
            rm -rf .venv
            echo "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2
            exit 1
        fi
    fi
    echo "Installing the packages of requirements.txt; this takes a minute or two, once."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
    echo "$wanted" > .venv/made-from
fi

# The launcher: `Durar X` is `python manage.py X`, from any directory.
if [ ! -x .venv/bin/Durar ]; then
    cat > .venv/bin/Durar <<END
#!/bin/sh
exec "$here/.venv/bin/python" "$here/manage.py" "\$@"
END
    chmod 755 .venv/bin/Durar
fi
