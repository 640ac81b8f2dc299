"""Restoration of a backup's pictures, options and secret key."""

import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.conf import settings

from galproject.backup.manifest import KEY, OPTIONS, PICTURES
from galproject.configuration.secret_key import weakness_of


def restore_files(folder, manifest, with_key):
    """Restore pictures, options and key; yields notes for the user."""
    files = manifest.files
    pictures = Path(settings.GALPROJECT_PICTURES)
    if PICTURES in files:
        yield from _told(_restore_pictures(folder / PICTURES, pictures), folder / PICTURES)
    else:
        yield "No pictures are in the backup: manage.py render_pictures --all draws them"
    if OPTIONS in files:
        yield from _told(restore_options(folder / OPTIONS), folder / OPTIONS)
    if KEY in files and with_key:
        yield from _told(restore_key((folder / KEY).read_text()), folder / KEY)
    elif KEY not in files:
        yield "No key is in the backup: people log in again, and messages of the queue are lost"


def _told(steps, path):
    """Yield the notes of steps, failures included, as the database is restored by then."""
    try:
        yield from steps
    except (OSError, tarfile.TarError) as error:
        yield f"Not restored: {path} ({error}). Put it in its place by hand"


def _restore_pictures(pack, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with tarfile.open(pack) as opened:
            opened.extractall(draft, filter="data")
        draft.chmod(0o755)
        if target.exists():
            if any(target.iterdir()):
                yield f"The pictures of before are in {_put_aside(target)}"
            else:
                target.rmdir()
        os.rename(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _put_aside(path):
    """Rename what is in the way; returns the new name."""
    aside = path.with_name(f"{path.name}.until-{datetime.now():%Y%m%d-%H%M%S}")
    os.rename(path, aside)
    return aside


def restore_options(path):
    """Restore the options file, beside an existing one; returns notes."""
    target = Path(settings.GALPROJECT_OPTIONS or settings.BASE_DIR / "galproject.toml")
    if target.exists() and target.read_bytes() == path.read_bytes():
        return
    if target.exists():
        target = target.with_name(f"{target.name}.restored")
        yield f"The options of the backup are in {target}: there are others in their place"
    shutil.copyfile(path, target)
    yield f"The options are in {target}"


def restore_key(key):
    """Restore the secret key unless the current one has to stay; returns notes."""
    if key == settings.SECRET_KEY:
        return
    if reason := weakness_of(key.strip()):
        yield f"The key stays as it is here: of the backup's, {reason}. People log in again"
        return
    target = settings.BASE_DIR / ".secret_key"
    if os.environ.get("SECRET_KEY") or settings.GALPROJECT_DATABASE:
        yield (
            "The key is another than the backup's, and stays: people log in again, and messages "
            "of the queue are lost, which the workers send again"
        )
        return
    if target.exists():
        yield f"The key of before is in {_put_aside(target)}"
    with suppress(FileExistsError):
        target.touch(mode=0o600, exist_ok=False)
    target.write_text(key)
    yield "The key is the backup's: restart whatever runs"
