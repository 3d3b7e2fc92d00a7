"""The Hub's side of an export: which commit, which files, and what to do when it says no.

Only lists, cards and parquet files are asked for. Nothing that a repository holds is run,
and no answer of the Hub is repeated in a message: it could hold a signed address.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError  # what huggingface_hub asks with, and lets through
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tuner_kit.workers.dataset_export.refusal import RefusedError, UnreachableError
from tuner_kit.workers.dataset_export.tables import (
    Tables,
    is_table,
    tables_of_conversion,
    tables_of_names,
)
from tuner_kit.workers.runtime import Emit

CONVERSION_REF = "refs/convert/parquet"
"""Where the Hub keeps its own parquet copy of datasets that are written in another format."""

_TIMEOUT_S = 20.0
_LOGGED_OUT = 401
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Listing:
    """One commit of a dataset on the Hub, with the files that hold its rows."""

    hub_id: str
    commit: str
    tables: Tables
    is_conversion: bool = False


def list_dataset(hub_id: str, revision: str | None) -> Listing:
    """Resolve a revision to its commit and sort the commit's files into splits.

    Raises:
        UnreachableError: there is no network, or the Hub is to be left alone (HF_HUB_OFFLINE).
        RefusedError: there is no such dataset or revision, no access, or nothing to read.
    """
    commit, names, card = _ask(hub_id, revision)
    script = f"{hub_id.rpartition('/')[2]}.py"
    if script not in names and any(map(is_table, names)):
        return Listing(hub_id, commit, tables_of_names(names, card))
    # The conversion is one of the main branch, whatever revision was asked for.
    if revision is None and (converted := _find_conversion(hub_id)) is not None:
        return converted
    raise _unreadable(hub_id, script if script in names else None)


def download(listing: Listing, files: Sequence[str], emit: Emit) -> list[Path]:
    """Get the files into the Hub's own cache, where an interrupted download goes on.

    Raises:
        UnreachableError: a file is not in the cache and the Hub can't be reached.
        RefusedError: access to the files is refused.
    """
    paths = []
    for number, name in enumerate(files):
        emit("downloading the dataset", number, len(files))
        with _explained(listing.hub_id):
            path = HfApi().hf_hub_download(
                listing.hub_id, name, repo_type="dataset", revision=listing.commit
            )
        paths.append(Path(path))
    emit("downloading the dataset", len(files), len(files))
    return paths


def _ask(hub_id: str, revision: str | None) -> tuple[str, list[str], Mapping[str, object]]:
    """Ask for a commit: its id, the names of its files, its card."""
    with _explained(hub_id, revision):
        info = HfApi().dataset_info(hub_id, revision=revision, timeout=_TIMEOUT_S)
    names = [sibling.rfilename for sibling in info.siblings or ()]
    return str(info.sha), names, {} if info.card_data is None else vars(info.card_data)


def _find_conversion(hub_id: str) -> Listing | None:
    try:
        commit, names, _ = _ask(hub_id, CONVERSION_REF)
    except UnreachableError:
        raise
    except RefusedError:  # there is none
        return None
    tables = tables_of_conversion(names)
    return Listing(hub_id, commit, tables, is_conversion=True) if tables.configs else None


@contextmanager
def _explained(hub_id: str, revision: str | None = None) -> Iterator[None]:
    """Say what the Hub's refusals mean; none of its own words are passed on."""
    try:
        yield
    except GatedRepoError as error:
        raise _no_access(hub_id) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise _access_error(
            f"there is no dataset {hub_id}, or it is private",
            hub_id,
            "check its name; if it is private, log in with `hf auth login`",
        ) from error
    except RevisionNotFoundError as error:
        raise _access_error(
            f"the dataset {hub_id} has no revision {revision!r}",
            hub_id,
            "name a branch, tag or commit that its page on the Hub lists",
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise _unreachable(hub_id) from error
    except HfHubHTTPError as error:
        raise _of_status(hub_id, error) from error
    except HTTPError as error:
        raise _unreachable(hub_id) from error


def _of_status(hub_id: str, error: HfHubHTTPError) -> RefusedError:
    if isinstance(error, EntryNotFoundError):
        return _access_error(
            f"a file of the dataset {hub_id} is gone", hub_id, "run the command again"
        )
    status = error.response.status_code
    return _no_access(hub_id) if status in (_LOGGED_OUT, _FORBIDDEN) else _unreachable(hub_id)


def _no_access(hub_id: str) -> RefusedError:
    return _access_error(
        f"the dataset {hub_id} is gated, and your account has no access to it",
        hub_id,
        f"accept its terms at huggingface.co/datasets/{hub_id}, then log in with `hf auth login`",
    )


def _unreachable(hub_id: str) -> UnreachableError:
    return UnreachableError(
        "access",
        what=f"the dataset {hub_id} is not on this machine, and the Hub can't be reached",
        where=_place(hub_id),
        fix="connect to the internet, unset HF_HUB_OFFLINE, or use a folder on this machine",
    )


def _unreadable(hub_id: str, script: str | None) -> RefusedError:
    what = f"the dataset {hub_id} has no parquet files"
    if script is not None:
        what = f"the dataset {hub_id} is made by a program, {script}, which is never run here"
    return RefusedError(
        "dataset",
        what=what,
        where=_place(hub_id),
        fix=f"get its files with `hf download {hub_id} --repo-type dataset --local-dir FOLDER` "
        "and use the folder of images in it",
    )


def _access_error(what: str, hub_id: str, fix: str) -> RefusedError:
    return RefusedError("access", what=what, where=_place(hub_id), fix=fix)


def _place(hub_id: str) -> str:
    return f"datasets/{hub_id} on the Hub"
