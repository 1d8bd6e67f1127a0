"""The guest's Debian: the files of the packages that are installed here, and of what they depend on."""

import hashlib
import os
import re
import shutil
import stat

from harness.command import run
from vm.archive import Archive

PACKAGES = ("bash", "conntrack", "coreutils", "dash", "findutils", "grep", "iproute2", "iptables", "kmod", "libc-bin", "mawk", "mount",
            "nftables", "procps", "python3", "sed", "util-linux")
_UNWANTED = re.compile(r"/usr/(share/(doc|man|locale|info|i18n|bug|lintian|bash-completion|zoneinfo|perl)|lib/(udev|systemd|perl))/"
                       r"|/(test|tests|idlelib|lib2to3|ensurepip|distutils)/")
# /bin and the like, which some packages still name so.
_MERGED = {name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
_ETC = ("alternatives", "group", "host.conf", "hosts", "iproute2", "ld.so.cache", "nsswitch.conf", "passwd", "protocols",
        "services", "terminfo", "xtables", "ethertypes")


def _installed():
    """{package: (version, names that it depends on)}, under every name that it provides."""
    wanted = "${Package}\\t${Version}\\t${Provides}\\t${Depends},${Pre-Depends}\\n"
    found = {}
    for line in run("dpkg-query", "-W", "-f", wanted).stdout.splitlines():
        package, version, provided, needed = line.split("\t")
        entry = package, version, [re.split(r"[ :(]", n.strip())[0] for n in re.split(r"[,|]", needed) if n.strip()]
        for name in [package, *(re.split(r"[ :(]", p.strip())[0] for p in provided.split(",") if p.strip())]:
            if name not in found or name == package:
                found[name] = entry
    return found


def packages():
    """["name version"] of those that the guest gets."""
    installed, taken, waiting = _installed(), {}, list(PACKAGES)
    while waiting:
        entry = installed.get(waiting.pop())
        if entry and entry[0] not in taken:
            taken[entry[0]] = entry[1]
            waiting += entry[2]
    # Only needed to install packages, or to configure them.
    for name in ("debconf", "dpkg", "perl-base", "perl"):
        taken.pop(name, None)
    return sorted(f"{name} {version}" for name, version in taken.items())


def obtain(cache):
    """The archive of that system, made anew when another version of a package is there."""
    chosen = packages()
    here = "\n".join(chosen) + run("update-alternatives", "--get-selections").stdout + _own_source()
    path = os.path.join(cache, "system-" + hashlib.sha256(here.encode()).hexdigest()[:16] + ".cpio")
    if not os.path.exists(path):
        for name in os.listdir(cache):
            if name.startswith("system-"):
                os.unlink(os.path.join(cache, name))
        _make(path, chosen)
    return path


def _own_source():
    with open(__file__, encoding="utf-8") as file:
        return file.read()


def _make(path, chosen):
    root = path + ".root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("dev", "proc", "sys", "run", "tmp", "root", "var/tmp", "etc", *_MERGED.values()):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name, target in _MERGED.items():
        os.symlink(target, os.path.join(root, name))
    for file in run("dpkg-query", "-L", *(line.split()[0] for line in chosen)).stdout.splitlines():
        _copy(file, root)
    for name in _ETC:
        for folder, _, files in os.walk("/etc/" + name):
            for file in files:
                _copy(os.path.join(folder, file), root)
        _copy("/etc/" + name, root)
    for name in os.listdir("/etc/alternatives"):
        link = _alternative(name)
        if link:
            _copy(link, root)
    run("python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", os.path.join(root, "usr/lib/python3.11"),
        check=False, timeout=300)
    with Archive(path + ".new") as archive:
        archive.tree(root)
        archive.console()
    os.rename(path + ".new", path)
    shutil.rmtree(root)


def _alternative(name):
    """The command that leads to /etc/alternatives/NAME."""
    for folder in ("/usr/bin", "/usr/sbin"):
        link = os.path.join(folder, name)
        if os.path.islink(link) and os.readlink(link) == "/etc/alternatives/" + name:
            return link
    return None


def _copy(path, root):
    if _UNWANTED.search(path) or not os.path.lexists(path) or (os.path.isdir(path) and not os.path.islink(path)):
        return
    first, _, rest = path.lstrip("/").partition("/")
    if not rest and first in _MERGED:
        return
    target = os.path.join(root, _MERGED.get(first, first), rest)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.lexists(target) and stat.S_IFMT(os.lstat(path).st_mode) in (stat.S_IFREG, stat.S_IFLNK):
        shutil.copy2(path, target, follow_symlinks=False)
