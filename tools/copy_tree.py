"""A copy of the sources to plant bugs in: never the sources themselves."""
import filecmp
import os
import shutil
import subprocess


def listed(root: str) -> list[str]:
    """What git knows or would add, as it lies in the work tree."""
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                         check=True, capture_output=True).stdout
    names = [n for n in out.decode().split("\0") if n]
    return [n for n in names if os.path.isfile(os.path.join(root, n))]


def sync_tree(root: str, tree: str) -> None:
    """Makes the copy equal. Files that are equal already keep their times, so that a build folder
    of the copy stays good."""
    names = set(listed(root))
    for name in names:
        source, copy = os.path.join(root, name), os.path.join(tree, name)
        if os.path.exists(copy) and filecmp.cmp(source, copy, shallow=False):
            continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)
    for folder, _, files in os.walk(tree):
        for file in files:
            path = os.path.join(folder, file)
            if os.path.relpath(path, tree) not in names:
                os.remove(path)


def apply_patch(tree: str, patch: str) -> str:
    """Why it does not apply; empty: it is applied."""
    # The copy lies inside a repository, of which git apply is not to know.
    env = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(tree))
    done = subprocess.run(["git", "apply", patch], cwd=tree, env=env, capture_output=True,
                          text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or "git apply failed")
