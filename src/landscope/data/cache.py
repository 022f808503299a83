"""The cache of downloads: fetched once, checked, and never there in half."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from landscope.errors import DataError, StorageError

ENVIRONMENT = "LANDSCOPE_CACHE"
_CHUNK = 1 << 16


def cache_folder() -> Path:
    """Where downloads are kept: ``$LANDSCOPE_CACHE``, or the user's own cache folder."""
    return Path(os.environ.get(ENVIRONMENT) or pooch.os_cache("landscope")).expanduser()


def fetch(url: str, *, md5: str, remedy: str) -> Path:
    """The file at ``url``, from the cache if it is there with the right checksum.

    A download goes to a temporary name beside its place and moves there when it is complete and
    its checksum is right, so one that was cut leaves nothing behind.

    Args:
        url: Address of the file.
        md5: Its checksum, as its publisher states it.
        remedy: What the user can do where the address cannot be reached.

    Returns:
        Path of the file in the cache.

    Raises:
        DataError: The download failed, was cut, or has another checksum.
        StorageError: The cache folder cannot be written.
    """
    folder = cache_folder()
    # No bar where there is no terminal; pooch logs one plain line in any case.
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=_CHUNK)
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"md5:{md5}",
            fname=Path(urlsplit(url).path).name,
            path=folder,
            # pooch's protocol of downloaders names other arguments than its own downloaders do.
            downloader=downloader,  # pyright: ignore[reportArgumentType]
        )
    except requests.RequestException as error:
        raise DataError(f"{url} could not be fetched", str(error), remedy) from error
    except ValueError as error:
        # What pooch raises for a wrong checksum; its own text speaks of pooch's registries.
        raise DataError(
            f"{url} gave a file with another checksum", f"its md5 should be {md5}", remedy
        ) from error
    except OSError as error:
        raise StorageError(
            f"the cache {folder} cannot be written",
            error.strerror or str(error),
            f"make room there, or name another folder in the environment as {ENVIRONMENT}",
        ) from error
    return Path(path)
