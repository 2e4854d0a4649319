#!/bin/sh
# Names what the machine lacks for Huiyin, one line each with the command that installs it; silent when all is there.
# With `tests` as argument: also what only the tests need.
set -eu

missing=0
mac=$(test "$(uname -s)" = Darwin && echo yes || echo no)

lacks() { # what, Debian/Ubuntu packages, Homebrew formula
  missing=1
  if [ "$mac" = yes ]; then
    echo "missing: $1 - install it with: brew install $3" >&2
  else
    echo "missing: $1 - install it with: sudo apt-get install -y $2" >&2
  fi
}

python=${PYTHON:-python3.11}
if ! command -v "$python" >/dev/null 2>&1 ||
   ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  lacks "Python 3.11" "python3.11 python3.11-venv" "python@3.11"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  lacks "Python's venv module" "python3.11-venv" "python@3.11"
fi

java_version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9][0-9]*\).*/\1/p' | head -n 1 || true)
if [ "${java_version:-0}" -lt 17 ]; then
  lacks "Java 17 or later (for Kafka)" "openjdk-17-jre-headless" "openjdk@17"
fi

command -v mvn >/dev/null 2>&1 || lacks "Maven (fetches Kafka)" "maven" "maven"

command -v npm >/dev/null 2>&1 || lacks "npm (fetches the pages' styles and scripts)" "npm" "node"

if [ "${1:-}" = tests ]; then
  command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
    lacks "Chromium (looks at the pages in tests/browser)" "chromium" "--cask chromium"
  [ "$mac" = yes ] || fc-list :lang=zh 2>/dev/null | grep -q . ||
    lacks "Chinese fonts (for the pages' pictures in tests/browser)" "fontconfig fonts-noto-cjk" ""
  PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v clamd >/dev/null 2>&1 ||
    echo "optional: ClamAV (its tests are skipped) - install it with: $(test "$mac" = yes && echo brew install clamav ||
      echo sudo apt-get install -y clamav-daemon)" >&2
fi

exit $missing
