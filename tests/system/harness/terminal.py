"""A terminal of a given size, by tmux: keys go in, what stands on the screen comes out."""

import os
import shlex
import shutil
import tempfile

from harness import cleanup
from harness.command import run
from harness.wait import until


def missing():
    return None if shutil.which("tmux") else "needs tmux"


class Terminal:
    """A shell in it. Its size is that of the screen."""

    def __init__(self, columns=80, rows=24):
        self._directory = tempfile.mkdtemp(prefix="finwaitd-tmux-")
        cleanup.at_exit(self.close)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "env", "PS1=$ ", "sh")
        self._tmux("set-option", "-g", "status", "off")
        self.resize(columns, rows)

    def _tmux(self, *args, check=True):
        return run("tmux", "-u", "-S", os.path.join(self._directory, "socket"), *args, check=check)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def start(self, *argv):
        self.type(" ".join(map(shlex.quote, argv)))
        self.keys("Enter")

    def type(self, text):
        self._tmux("send-keys", "-l", "--", text)

    def keys(self, *names):
        """By tmux' names, such as Enter, Down, C-c."""
        self._tmux("send-keys", *names)

    def screen(self):
        return self._tmux("capture-pane", "-p").stdout

    def shows(self, text, seconds=5):
        """Whether this comes to stand on the screen."""
        return until(lambda: text in self.screen(), seconds)

    def is_restored(self):
        """A program that used the whole screen has left it as it was."""
        return self._tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").stdout.split() == ["0", "1"]

    def close(self):
        cleanup.forget(self.close)
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._directory, ignore_errors=True)
