"""Debian's own kernel, fetched and unpacked without being installed: nobody's machine shall boot it."""

import glob
import hashlib
import os
import shutil
import tempfile

from harness.command import CommandFailed, run

PACKAGE = "linux-image-cloud-amd64"
# Of the modules, what a gateway under test may need.
_WANTED = ("arch", "crypto", "lib", "net", "drivers/net/veth.ko", "drivers/net/dummy.ko", "drivers/net/vrf.ko",
           "drivers/net/tun.ko")


class Unobtainable(Exception):
    """There is no such kernel to be had here."""


class Kernel:
    def __init__(self, folder):
        self.image = glob.glob(os.path.join(folder, "boot/vmlinuz-*"))[0]
        self.version = os.path.basename(self.image).removeprefix("vmlinuz-")
        self.modules = os.path.join(folder, "modules")

    def __str__(self):
        return f"Linux {self.version}"


def obtain(cache):
    """The kernel, from `cache` if it is there already."""
    wanted = hashlib.sha256(" ".join(_WANTED).encode()).hexdigest()[:16]
    folder = os.path.join(cache, f"kernel-{wanted}")
    if not os.path.exists(folder):
        _fetch(folder, cache)
    return Kernel(folder)


def _fetch(folder, cache):
    try:
        package = _package()
        with tempfile.TemporaryDirectory(dir=cache) as work:
            # apt's own user may write here; else it warns.
            os.chmod(work, 0o777)
            run("sh", "-c", 'cd "$1" && apt-get -qq download "$2"', "sh", work, package, timeout=300)
            [deb] = glob.glob(os.path.join(work, "*.deb"))
            unpacked = os.path.join(work, "unpacked")
            run("dpkg-deb", "-x", deb, unpacked, timeout=120)
            _trim(unpacked)
            os.rename(unpacked, folder)
    except (CommandFailed, FileNotFoundError) as error:
        said = " ".join(str(error).split())
        raise Unobtainable(f"{PACKAGE} cannot be fetched: {said}") from error


def _package():
    """The real package behind the one that always names the newest."""
    for refresh in (False, True):
        if refresh:
            run("apt-get", "-qq", "update", timeout=300)
        for line in run("apt-cache", "depends", PACKAGE, check=False).stdout.splitlines():
            relation, _, name = line.strip().partition(": ")
            if relation == "Depends" and name.startswith("linux-image-"):
                return name
    raise CommandFailed(f"apt knows no package {PACKAGE}")


def _trim(folder):
    """Leaves what is wanted of the modules, in `modules` as modprobe looks for them, and who needs whom."""
    # Since Debian 13 they lie in /usr.
    [tree] = (tree for at in ("lib", "usr/lib") for tree in glob.glob(os.path.join(folder, at, "modules/*")))
    version = os.path.basename(tree)
    kept = os.path.join(folder, "modules", "lib/modules", version)
    os.makedirs(kept)
    for name in _WANTED:
        source, target = os.path.join(tree, "kernel", name), os.path.join(kept, "kernel", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(os.path.join(tree, name), kept)
    shutil.rmtree(os.path.join(folder, "lib"))
    run("depmod", "-b", os.path.join(folder, "modules"), version, timeout=120)
